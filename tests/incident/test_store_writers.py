"""Many writers of one record of incidents, some killed, and nothing promised lost."""

import json
import subprocess
import sys

import pytest

from remediate.incident.store import IncidentStore
from support.soak import times
from support.toy_incidents import NOON, declared

WRITER = """
import os, sys, random
from datetime import UTC, datetime
from remediate.incident.events import Noted, Acknowledged
from remediate.incident.store import IncidentStore
# Before the processes part: importing all this takes each of them longer than what they are to do.
import remediate.journal.schema, sqlalchemy.dialects.sqlite, uuid6
if sys.argv[1].startswith("postgresql"):
    import psycopg, sqlalchemy.dialects.postgresql.psycopg
url, incident, what, count = sys.argv[1:5]

def write(number, told, opened=lambda: None):
    with IncidentStore.open(url) as store:
        opened()
        if store.append(incident, f"w{number}", datetime.now(UTC), Acknowledged(commander=f"w{number}"), once="ack"):
            os.write(told, b"CLAIMED\\n")
        index = 0
        while what == "forever" or index < 20:
            event = store.append(incident, f"w{number}", datetime.now(UTC), Noted(text=f"{number}-{index}"))
            os.write(told, f"{event.id}\\n".encode())  # only now is it promised
            index += 1
            if index == 1:
                opened()

def ten(act):
    start, go = os.pipe()
    children = []
    for number in range(10):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(start, 1)
            act(number)
            os._exit(0)
        children.append(child)
    os.close(go)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10

"""


def processes(script: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WRITER + script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_ten_writers_at_once_on_a_new_database(url: str) -> None:
    with IncidentStore.open(url) as store:
        incident = store.declare("ana", NOON, declared()).id
    out = processes(
        "ten(lambda number: write(number, 1))",
        url,
        incident,
        "some",
        0,
    )
    told = out.split()
    assert told.count("CLAIMED") == 1
    with IncidentStore.open(url) as store:
        timeline = store.load(incident).timeline
        notes = {event.id for event in timeline if event.kind == "note"}
        assert notes == set(told) - {"CLAIMED"}
        assert len(notes) == 200
        assert {json.loads(event.data.model_dump_json())["text"] for event in timeline if event.kind == "note"} == {
            f"{writer}-{index}" for writer in range(10) for index in range(20)
        }


def test_ten_open_an_empty_database_at_once(url: str) -> None:
    processes(
        "ten(lambda number: IncidentStore.open(url).close())",
        url,
        "x",
        "some",
        0,
    )
    with IncidentStore.open(url) as store:
        assert store.ids() == ()


@pytest.mark.soak
def test_killed_at_any_moment_nothing_that_was_promised_is_lost(url: str) -> None:
    kills = times(ci=60, soak=2000) if url.startswith("sqlite") else times(ci=30, soak=500)
    with IncidentStore.open(url) as store:
        incident = store.declare("ana", NOON, declared()).id
    out = processes(
        """
import signal, time
for number in range(int(count)):
    ready, opened = os.pipe()
    child = os.fork()
    if child == 0:
        write(number, 1, lambda: os.write(opened, b"."))
    for _ in range(number % 4 % 3):  # killed whenever, once it is open, or once it has promised something
        os.read(ready, 1)
    time.sleep(random.uniform(0, 0.08))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(opened)
""",
        url,
        incident,
        "forever",
        kills,
    )
    promised = {line for line in out.split() if line != "CLAIMED"}
    with IncidentStore.open(url) as store:
        kept = [event for event in store.load(incident).timeline if event.kind == "note"]
    assert promised <= {event.id for event in kept}
    assert len(promised) > kills / 5
    # At most one more than was promised by each: written, and killed before it could say so.
    assert len(kept) - len(promised) <= kills
