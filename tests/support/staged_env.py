"""The .env of the staging host: read, edited and compared there."""

import hashlib
import json
import subprocess
from base64 import b64decode, b64encode
from typing import NamedTuple

from pydantic import SecretStr

from remediate.core.command import Output, Run
from remediate.probes.configuration import Configuration, EnvState, EnvValue
from remediate.programs.env import edit_env
from support.staged_host import Staged

APP = "/home/forge/agency-platform"
KEY = "STRIPE_WEBHOOK_SECRET"
CACHED = f"{APP}/bootstrap/cache/config.php"
DISK = "/var/log/nginx/small"


def as_forge(staged: Staged, run: Run) -> "subprocess.CompletedProcess[str]":
    text = "" if run.stdin is None else run.stdin.get_secret_value()
    return staged.host.exec(("runuser", "-u", "forge", "--", *run.argv), text, 60)


def env(staged: Staged) -> bytes:
    return bytes.fromhex(staged.sh(f"od -An -v -tx1 {APP}/.env"))


def edit(staged: Staged, key: str, value: str | bytes, *, seen: str | None = None) -> str:
    """Set it with the program by itself; return what it refuses with."""
    text = value if isinstance(value, str) else value.decode(errors="surrogateescape")
    mark = seen or hashlib.sha256(env(staged)).hexdigest()
    done = as_forge(staged, edit_env("php8.2", APP, "forge", key, SecretStr(text), seen=mark))
    assert (done.returncode == 0) is (done.stderr == "")
    assert text not in done.stderr or len(text) < 4
    return done.stderr.strip()


def holds(staged: Staged, key: str, value: str) -> bool:
    probe = EnvValue(php="php8.2", path=APP, user="forge", key=key, value=SecretStr(value))
    done = as_forge(staged, probe.command())
    return bool(probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)).ok)


_DRIVER = r"""
import base64, glob, hashlib, json, os, subprocess, sys
asked = json.load(sys.stdin)
os.chdir(asked["app"])
def run(argv, **given):
    return subprocess.run(argv, input=json.dumps(given), capture_output=True, text=True)
for case in asked["cases"]:
    for each in glob.glob(".env.remediate-*"): os.unlink(each)
    with open(".env", "r+b") as file:
        if case["file"] is not None: file.truncate(0); file.write(base64.b64decode(case["file"]))
    seen = hashlib.sha256(open(".env", "rb").read()).hexdigest()
    done = run(asked["edit"], key=case["key"], value=case["value"], seen=seen)
    found = run(asked["look"], key=case["key"], value=case["value"])
    kept = glob.glob(".env.remediate-*")
    print(json.dumps({
        "exit": done.returncode, "said": done.stderr.strip(), "same": '"state":"same"' in found.stdout,
        "file": base64.b64encode(open(".env", "rb").read()).decode(),
        "kept": [
            [oct(os.stat(each).st_mode & 0o777), base64.b64encode(open(each, "rb").read()).decode()] for each in kept
        ],
    }))
"""


class Edited(NamedTuple):
    """The result of one edit."""

    exit: int
    said: str
    same: bool
    file: bytes
    kept: list[tuple[str, bytes]]


def edits(staged: Staged, *cases: tuple[bytes | None, str, bytes]) -> list[Edited]:
    """Set key after key, each in a file with that content or in the one that is there; in one go, as there are many."""
    dummy = SecretStr("")
    look = EnvValue(php="php8.2", path=APP, user="forge", key="A", value=dummy).command()
    asked = {
        "app": APP,
        "edit": edit_env("php8.2", APP, "forge", "A", dummy, seen="").argv,
        "look": look.argv,
        "cases": [
            {"file": None if file is None else b64encode(file).decode(), "key": key, "value": b64encode(value).decode()}
            for file, key, value in cases
        ],
    }
    done = staged.host.exec(("runuser", "-u", "forge", "--", "python3", "-c", _DRIVER), json.dumps(asked), 120)
    assert done.returncode == 0, done.stderr
    found = map(json.loads, done.stdout.splitlines())
    return [
        Edited(
            each["exit"],
            each["said"],
            each["same"],
            b64decode(each["file"]),
            [(mode, b64decode(text)) for mode, text in each["kept"]],
        )
        for each in found
    ]


def compared(staged: Staged) -> tuple[EnvState, str, tuple[str, ...]]:
    probe = Configuration(php="php8.2", path=APP, user="forge")
    done = as_forge(staged, probe.command())
    state = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    return state.env, state.message, state.differs
