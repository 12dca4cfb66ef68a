"""A hundred killed senders: each announcement is on timeline, file and page once."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from remediate.incident.delivery import deliver_due
from remediate.incident.events import Messaged
from remediate.incident.notifier import MESSAGES, Notifier
from remediate.incident.outbox import LEASE
from remediate.incident.queue import State
from remediate.incident.settings import IncidentSettings
from remediate.incident.status_page.atom import ATOM, ENTRIES
from remediate.incident.store import IncidentStore
from support.soak import times
from support.toy_incidents import NOON, declared

KILLS: Final = times(ci=40, soak=1000)

NURSERY: Final = """
import os, random, signal, sys, time
from datetime import UTC, datetime
from remediate.incident.delivery import announce
from remediate.incident.notifier import Notifier
from remediate.incident.messages import MessageKind
from remediate.incident.settings import Audience, IncidentSettings
from remediate.incident.store import IncidentStore
import sqlalchemy, jinja2, uuid6, remediate.journal.database

def at_work(number):
    store, settings = IncidentStore.open(), IncidentSettings()
    notifier = Notifier.of(settings, store, root=None, screen=None)
    incidents = store.incidents()
    while True:
        number += 1
        said = announce(
            store, incidents[number % len(incidents)], MessageKind.STATUS,
            audience=Audience.PUBLIC, send=True, notifier=notifier, now=datetime.now(UTC),
        )
        os.write(tell, said.message.id.encode() + b"\\n")

random.seed(6)
for number in range(int(sys.argv[1])):
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        at_work(number)
    os.close(tell)
    with os.fdopen(hear) as progress:
        for _ in range(random.randint(0, 2)):
            print(progress.readline(), end="")
        time.sleep(random.uniform(0, 0.06))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        print(progress.read(), end="")
"""


@pytest.mark.soak
def test_nothing_is_lost_and_nothing_is_said_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment["REMEDIATE_STATE_DIR"] = str(tmp_path)
    store = IncidentStore.open(f"sqlite:///{tmp_path}/journal.sqlite3")
    # Of one incident nothing is said before what was said earlier: what the dead have claimed holds it up.
    incidents = [store.declare("ana", NOON, declared()).id for _ in range(25)]
    nursery = subprocess.run(
        [sys.executable, "-c", NURSERY, str(KILLS)],
        env=environment, capture_output=True, text=True, timeout=7000, check=False,
    )  # fmt: skip
    assert (nursery.returncode, nursery.stderr) == (0, "")
    announced = set(nursery.stdout.split())

    def later() -> datetime:
        return datetime.now(UTC) + LEASE

    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path))
    notifier = Notifier.of(IncidentSettings(), store, root=None, screen=None, clock=later)
    before = notifier.outbox.deliveries(unfinished=True)
    assert deliver_due(store, notifier=notifier, seconds=300) == ()

    told = notifier.outbox.deliveries()
    everything = {each.message.id for each in told}
    assert announced <= everything
    assert {each.state for each in told} == {State.SENT}
    assert Counter(each.channel for each in told) == {"file": len(everything), "status-page": len(everything)}

    text = (tmp_path / MESSAGES).read_text()
    assert Counter(re.findall(r"^-- (\S+)$", text, re.MULTILINE)) == Counter(everything)
    happened = [event.data for one in incidents for event in store.load(one).timeline]
    noted = [data.message for data in happened if isinstance(data, Messaged)]
    assert Counter(noted) == Counter(everything)
    page = (tmp_path / "status-page" / "index.html").read_text()
    assert page.count("We are investigating this issue.") == len(everything)
    feed = ET.parse(tmp_path / "status-page" / "feed.atom")  # noqa: S314  # our own
    ids = [entry.text for entry in feed.iter(f"{{{ATOM}}}id")][1:]
    assert len(ids) == len(set(ids)) == min(ENTRIES, len(everything))
    assert sorted(file.name for file in (tmp_path / "status-page").iterdir()) == ["feed.atom", "index.html"]
    inherited = sum(each.attempts > 1 for each in told)
    (tmp_path / "counted.txt").write_text(
        f"{KILLS} killed, {len(announced)} announced, {len(everything)} stored and sent, "
        f"{len(before)} deliveries left behind, {inherited} claims inherited"
    )
    store.close()
    assert announced
    assert before
    assert inherited
