"""pause and unpause as they are typed, and what the other commands say meanwhile."""

from pathlib import Path
from threading import Event

import pytest

from remediate.commands.consent import decide
from remediate.commands.pause import pause, unpause
from remediate.commands.rehearse import rehearse_playbooks
from remediate.commands.runs import list_runs
from remediate.commands.terminal import Terminal
from remediate.core.verdict import COOL_DOWN
from remediate.engine.limits import Limit
from remediate.errors import ConfigurationError, JournalError
from remediate.journal.pause import KillSwitch
from remediate.project.project import Project
from support.nginx_runs import web
from support.printed import Printed


def test_a_pause_says_who_since_when_why_and_how_it_ends(project: Project) -> None:
    typed = Printed()
    assert pause({"reason": " a\nmigration "}, project, typed.terminal, program="invoke") == 0
    assert typed.out.getvalue().startswith("everything is paused by ")
    assert ": a migration   (" in typed.out.getvalue()
    assert "invoke unpause" in typed.out.getvalue()
    listed = Printed()
    list_runs({}, project, listed.terminal, program="invoke")
    assert "a migration: invoke unpause\n" in listed.out.getvalue()
    again = Printed()
    assert pause({"reason": "another"}, project, again.terminal, program="invoke") == 0
    assert "a migration; that pause stays" in again.out.getvalue()
    ended = Printed()
    assert unpause(project, ended.terminal) == 0
    assert ": a migration\nno longer paused\n" in ended.out.getvalue()
    nothing = Printed()
    assert unpause(project, nothing.terminal) == 0
    assert nothing.out.getvalue() == "nothing is paused\n"


@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_a_pause_needs_a_reason(project: Project, reason: str | None) -> None:
    with pytest.raises(ConfigurationError, match="--reason is missing"):
        pause({"reason": reason}, project, Printed().terminal, program="invoke")
    assert KillSwitch().read() is None


def test_what_only_a_person_can_mend_is_not_called_unpaused(tmp_path: Path, project: Project) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.remediate.limits]\npause_file = "share/paused"\n')
    with pytest.raises(JournalError, match="fixed by hand"):
        unpause(Project(root=tmp_path), Printed().terminal)


def test_the_file_of_the_project_is_used(tmp_path: Path, project: Project) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.remediate.limits]\npause_file = "paused"\n')
    pause({"reason": "why"}, Project(root=tmp_path), Printed().terminal, program="invoke")
    assert (tmp_path / "paused").is_file()
    assert KillSwitch().read() is None


def test_without_a_terminal_nobody_is_asked_about_a_limit() -> None:
    typed = Printed()
    assert decide(typed.terminal, web(), Limit(COOL_DOWN, "why"), Event()) is None
    assert (typed.out.getvalue(), typed.err.getvalue()) == ("", "")


class Person(Terminal):
    """A terminal with a person, who gives one answer."""

    __slots__ = ()
    answer = ""
    read = ""

    def ask(self, question: str) -> str:
        Person.read = question
        if self.answer == "^C":
            raise KeyboardInterrupt
        return self.answer


@pytest.mark.parametrize(
    ("answer", "said", "stopped"),
    [("the disk was full", "the disk was full", False), ("", None, False), ("^C", None, True)],
)
def test_a_person_is_asked_for_the_reason(
    monkeypatch: pytest.MonkeyPatch, answer: str, said: str | None, stopped: bool
) -> None:
    typed, stop = Printed(), Event()
    monkeypatch.setattr(Person, "answer", answer)
    person = Person(typed.terminal.out, typed.terminal.err, interactive=True)
    assert decide(person, web(), Limit(COOL_DOWN, "run 7f3a changed this host 3 min ago"), stop) == said
    assert "web1: cool-down: run 7f3a changed this host 3 min ago" in typed.err.getvalue()
    assert "Type the reason" in Person.read
    assert stop.is_set() is stopped


def test_nothing_is_rehearsed_while_paused(tmp_path: Path, project: Project) -> None:
    pause({"reason": "a migration"}, project, Printed().terminal, program="invoke")
    with pytest.raises(ConfigurationError, match="a migration; a rehearsal changes hosts, too"):
        rehearse_playbooks(("app-down",), {}, Project(root=tmp_path), Printed().terminal)
