"""Every command that an incident.* command recommends can be typed as it stands, and does what it promises."""

import re
import shlex
from pathlib import Path

import pytest

from remediate.commands.given import Begun, options_of, selected
from remediate.commands.registry import commands
from remediate.commands.run import run_from_flags
from remediate.errors import ConfigurationError
from remediate.incident.store import IncidentStore
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from support.doc_pages import tree
from support.incident_desk import Desk, answering, keep_triage
from support.incidents import DOWN, HEALTHY
from support.incidents import broken as sick
from support.scripted import FactSession


def hints(text: str) -> list[list[str]]:
    """The commands in a text: from the program to the last word that is a flag or the value of one."""
    known = {command.name: command for command in commands(Project(None))}
    found = []
    for line in re.findall(r"(?<=\binvoke )[a-z].*?(?=\binvoke |$)", text, re.MULTILINE):
        words = shlex.split(line.replace("…", "more"))
        typed, command = [words[0]], known[words[0]]
        rest = words[1:]
        while rest and rest[0].startswith("--"):
            takes = 2 if command.wants_value(rest[0]) else 1
            typed, rest = [*typed, *rest[:takes]], rest[takes:]
        found.append(typed)
    return found


def follow(desk: Desk, text: str) -> list[str]:
    """Type every recommended incident.* command; the others only have to exist with their flags."""
    followed = []
    for words in hints(text):
        (*_, parsed) = tree().parse_argv(words)
        name = words[0].removeprefix("incident.")
        if name != words[0] and name not in {"watch", "declare"}:
            assert desk(name, **{key: value for key, value in parsed.as_kwargs.items() if value}) in {0, 5}
        followed.append(words[0])
    return followed


@pytest.fixture
def two(desk: Desk) -> Desk:
    """A desk with two open incidents, so that a hint without an id would fail."""
    desk("declare", title="Mails late", severity="3")
    keep_triage(desk, {**HEALTHY, **DOWN})
    desk.after(45)
    return desk


def test_what_a_declaration_recommends(two: Desk) -> None:
    inventory = str(two.root / "inventories" / "prod.yml")
    two("declare", inventory=inventory)
    assert f"--host web1 --inventory {inventory} --incident" in two.out
    assert set(follow(two, two.out)) == {"triage", "fix.app-down", "incident.update"}


def test_what_is_recommended_instead_of_resolving(two: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = str(two.root / "inventories" / "prod.yml")
    two("declare")
    newest = two_open(two)[0]
    answering(monkeypatch, sick("nginx down"))
    assert two("resolve", incident=newest, inventory=inventory) == 5
    assert f"fix.app-down --host web1 --inventory {inventory} --incident {newest}" in two.out
    assert follow(two, two.out) == ["fix.app-down", "incident.resolve"]


def test_what_a_resolved_incident_recommends(two: Desk) -> None:
    older = two_open(two)[0]
    two("declare", title="Shop closed", severity="1")
    two("resolve", incident=older, override="seen")
    assert follow(two, two.out) == ["incident.resolve", "incident.timeline"]
    for name in ("update", "escalate", "acknowledge", "contain"):
        with pytest.raises(ConfigurationError, match=f"^incident {older} was resolved at") as refused:
            two(name, incident=older, action="x", send=True)
        assert follow(two, str(refused.value)) == ["incident.note", "incident.declare"]


@pytest.mark.parametrize(("resolved", "command"), [(False, "incident.update"), (True, "incident.timeline")])
def test_a_run_of_an_incident_recommends_what_can_be_done_with_it(
    two: Desk, monkeypatch: pytest.MonkeyPatch, resolved: bool, command: str
) -> None:
    monkeypatch.setattr("remediate.commands.given.self_test", lambda: None)
    shown = two_open(two)[0]
    if resolved:
        two("resolve", incident=shown, override="seen")
    with two.room() as room:
        flags = {"host": "web1", "incident": shown, "plan": True}
        hosts = selected(flags, two.project, room.terminal)
        begun = Begun(hosts, options_of(flags), lambda _: FactSession(sick("nginx down")))
        run_from_flags(app_down, begun, flags, two.project, room.terminal, program="invoke")
    recommended = [words for words in hints(two.out) if words[0].startswith("incident.")]
    assert all(words == [command, "--incident", shown] for words in recommended)
    follow(two, two.out)


def two_open(desk: Desk) -> list[str]:
    with IncidentStore.open(project=desk.project.identity()) as store:
        return [store.shown(one.id) for one in store.open_incidents()]


def test_the_way_to_a_hint_is_found_in_a_text(tmp_path: Path) -> None:
    assert hints("next    invoke triage --host web1 looks again") == [["triage", "--host", "web1"]]
    assert hints("x: invoke incident.update --incident a3 --send tells everybody") == [
        ["incident.update", "--incident", "a3", "--send"]
    ]
    assert hints(str(tmp_path)) == []
