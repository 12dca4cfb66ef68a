"""Ends edits of .env by KILL at random moments while it is read. Runs on the host as the application's user.

Standard input: the edit's command (`argv`), its `key`, and the number of `kills`. Prints its numbers as JSON.
"""

import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ENV = Path(".env")
FIRST, SECOND = "first'value", 'second "value" with more in it' * 300
QUOTED = {FIRST: b'"first\'value"', SECOND: b'"' + SECOND.replace('"', '\\"').encode() + b'"'}


def begin(argv: list[str], key: str, value: str) -> "subprocess.Popen[bytes]":
    """Start an edit."""
    seen = hashlib.sha256(ENV.read_bytes()).hexdigest()
    text = json.dumps({"key": key, "value": base64.b64encode(value.encode()).decode(), "seen": seen})
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(text.encode())
    process.stdin.close()
    return process


def ended(process: "subprocess.Popen[bytes]") -> None:
    """Wait for an edit that succeeds."""
    assert process.stderr is not None
    with process.stderr as stderr:
        said = stderr.read()
    assert process.wait() == 0, said


def killed(process: "subprocess.Popen[bytes]") -> bool:
    """End an edit, and return whether it had not ended by itself."""
    process.kill()
    assert process.stderr is not None
    process.stderr.close()  # Not read: what the edit had started may hold it open.
    return process.wait() == -signal.SIGKILL


class Reader(threading.Thread):
    """Reads the file all the time."""

    def __init__(self, known: set[bytes]) -> None:
        super().__init__()
        self.known, self.over = known, threading.Event()
        self.reads = self.torn = self.missing = 0

    def run(self) -> None:
        """Read until it is over."""
        while not self.over.is_set():
            try:
                text = ENV.read_bytes()
            except FileNotFoundError:
                self.missing += 1
                continue
            self.reads += 1
            self.torn += text not in self.known
            time.sleep(0.0005)


def main() -> None:
    """Measure."""
    asked = json.load(sys.stdin)
    argv, key = asked["argv"], asked["key"]
    os.chdir(argv[-1])
    started = time.monotonic()
    ended(begin(argv, key, FIRST))
    takes = time.monotonic() - started
    template = ENV.read_bytes().replace(QUOTED[FIRST], b"@@")
    whole = {value: template.replace(b"@@", quoted) for value, quoted in QUOTED.items()}
    known = set(whole.values())
    assert ENV.read_bytes() in known
    before, link = ENV.stat(), ENV.readlink()
    found = {"edits": 0, "killed": 0, "torn": 0, "old": 0, "new": 0, "attributes": 0}
    reader = Reader(known)
    reader.start()
    while found["killed"] < asked["kills"]:
        found["edits"] += 1
        value = (FIRST, SECOND)[found["edits"] % 2]
        process = begin(argv, key, value)
        time.sleep(random.uniform(0, 1.1 * takes))  # noqa: S311  # It keeps no secret.
        found["killed"] += killed(process)
        time.sleep(0.02)  # What it had started may still run.
        now, after = ENV.read_bytes(), ENV.stat()
        found["torn"] += now not in known
        found["new" if now == whole[value] else "old"] += 1
        same = [getattr(before, each) == getattr(after, each) for each in ("st_uid", "st_gid", "st_mode")]
        found["attributes"] += not all(same) or ENV.readlink() != link
    reader.over.set()
    reader.join()
    home = ENV.resolve().parent
    leftovers = len(list(home.glob(".env.remediate-*.new")))
    ended(begin(argv, key, "last"))
    read = {"reads": reader.reads, "missing": reader.missing, "torn": found["torn"] + reader.torn}
    after_it = {"leftovers": leftovers, "after_the_next_edit": len(list(home.glob(".env.remediate-*")))}
    sys.stdout.write(json.dumps({**found, **read, **after_it, "seconds_of_one": round(takes, 3)}))


if __name__ == "__main__":
    main()
