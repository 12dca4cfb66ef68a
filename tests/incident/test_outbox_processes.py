"""An outbox of many processes, some killed: nothing lost, nothing said twice."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from remediate.incident.outbox import Outbox
from remediate.incident.queue import State
from support.soak import times

IN_A_PROCESS = """
import sys
from datetime import timedelta
from pathlib import Path
from remediate.incident import outbox as module
from remediate.incident.channels import FileChannel
from remediate.incident.settings import Audience
from remediate.journal import database
from remediate.journal.store import journal_database
database.BUSY_SECONDS = 170  # SQLite is not fair: on a busy machine one of ten may have to wait long.
sys.path.insert(0, sys.argv[1])
from support.toy_messages import message

_, _, url, path, job = sys.argv
outbox = module.Outbox(journal_database(url))
channel = FileChannel("file", frozenset(Audience), Path(path))
module.LEASE = timedelta(seconds=0.2)

def deliver():
    while (claim := outbox.claim(["file"])) is not None:
        outbox.sent(claim, channel.send(claim.message, again=claim.again))
"""


def started(job: str, url: str, path: Path) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    toys = Path(__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", IN_A_PROCESS + job, str(toys), url, str(path), "job"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def written(path: Path) -> Counter[str]:
    """The count of each message's end in the file."""
    return Counter(line[3:] for line in path.read_text().splitlines() if line.startswith("-- "))


def test_ten_processes_queue_and_deliver_at_once(url: str, tmp_path: Path) -> None:
    Outbox.open(url).close()
    path = tmp_path / "messages.txt"
    job = """
for number in range(5):
    outbox.queue(message(f"{number}"), ["file"], key=f"shared-{number}")
    outbox.queue(message(f"{number}"), ["file"])
    deliver()
"""
    processes = [started(job, url, path) for _ in range(10)]
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert (process.returncode, said) == (0, "")
    outbox = Outbox.open(url)
    told = outbox.deliveries()
    outbox.close()
    assert len(told) == 10 * 5 + 5
    assert {each.state for each in told} == {State.SENT}
    assert written(path) == Counter(each.message.id for each in told)


KILLS = times(ci=100, soak=2000)

NURSERY = """
import os, random, signal, time

def at_work():
    global outbox
    outbox = module.Outbox(journal_database(url))  # a child has its own
    while True:
        told = message("x", "y" * 2000)
        outbox.queue(told, ["file"])
        os.write(tell, told.id.encode() + b"\\n")
        deliver()

outbox.close()
random.seed(6)
for _ in range(kills):
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        at_work()
    os.close(tell)
    with os.fdopen(hear) as progress:
        for _ in range(random.randint(0, 4)):
            print(progress.readline(), end="")
        time.sleep(random.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        print(progress.read(), end="")
"""


@pytest.mark.soak
def test_processes_are_killed_and_nothing_is_lost_or_said_twice(tmp_path: Path) -> None:
    """Each queues messages, says which it was told are stored, and delivers; kill -9 comes at any moment."""
    url, path = f"sqlite:///{tmp_path}/journal.sqlite3", tmp_path / "messages.txt"
    Outbox.open(url).close()
    nursery = started(f"kills = {KILLS}\n{NURSERY}", url, path)
    out, said = nursery.communicate(timeout=7000)
    assert (nursery.returncode, said) == (0, "")
    stored = set(out.splitlines())

    time.sleep(0.3)  # the claims of the dead run out
    last = started("deliver()", url, path)
    _, said = last.communicate(timeout=120)
    assert (last.returncode, said) == (0, "")
    outbox = Outbox.open(url)
    told = outbox.deliveries()
    outbox.close()
    inherited = [each for each in told if each.attempts > 1]
    counted = f"{KILLS} killed, {len(stored)} known to be stored, {len(told)} sent, {len(inherited)} by an heir"
    (tmp_path / "counted.txt").write_text(counted)
    assert stored <= {each.message.id for each in told}
    assert {each.state for each in told} == {State.SENT}
    assert written(path) == Counter(each.message.id for each in told)
    assert len(stored) > KILLS
    assert inherited
