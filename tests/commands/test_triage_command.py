"""The command `triage`: its document, and what it asks a person."""

import io
from pathlib import Path

import pytest

from remediate.commands.terminal import Terminal
from remediate.commands.triage import triage_hosts
from remediate.errors import ConfigurationError, Unreadable
from remediate.project.project import Project
from remediate.triage.triage import TriageReport
from support.incidents import (
    HEALTHY,
    PAGES,
    broken,
)
from support.scripted import Changes, FactSession, Opened
from support.toys import document, masked


class Told:
    """A terminal that is a table: what it is asked, and what is answered."""

    def __init__(self, *answers: str, interactive: bool = False) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.asked: list[str] = []
        self.read: list[str] = []
        """The output before each question."""
        told = self

        class Answering(Terminal):
            def ask(self, question: str) -> str:
                told.asked.append(question)
                told.read.append(told.out.getvalue())
                return left.pop(0) if left else ""

        left = list(answers)
        self.terminal = Answering(masked(self.out), masked(self.err), interactive)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "inventories").mkdir()
    (tmp_path / "inventories" / "prod.yml").write_text(
        "web:\n  hosts:\n    web1:\n      ansible_host: 192.0.2.1\n      remediate: {site_url: 'https://example.com/',"
        " site_vantage: [host], health_path: /health, site_contains: Welcome, php: php8.2,"
        " app_path: /home/forge/agency-platform, worker_program: agency-worker}\n"
    )
    return Project(tmp_path)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> "On":
    return On(monkeypatch)


class On:
    """Runs the command on a scripted host."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def __call__(self, state: Changes, project: Project, told: Told, **flags: object) -> int:
        session = FactSession(state)
        self._patch.setattr("remediate.transport.dialing.Dialling", lambda *_: Opened(session))
        return triage_hosts({"host": "web1", **flags}, project, told.terminal, program="invoke")


def test_the_document_is_the_report(on: On, project: Project) -> None:
    told = Told()
    assert on(broken("nginx down"), project, told, json=True) == 10
    found = document("triage", told.out.getvalue())
    assert found["exit_code"] == 10
    assert TriageReport.model_validate(found).hosts[0].matching[0].playbook == "app-down"
    assert "asking web1 everything that any playbook wants to know, at once" in told.err.getvalue()


def test_nobody_is_asked_without_a_terminal_or_for_a_document_or_when_all_is_well(on: On, project: Project) -> None:
    for told, state, flags in (
        (Told(), broken("nginx down"), {}),
        (Told(interactive=True), broken("nginx down"), {"json": True}),
        (Told(interactive=True), HEALTHY, {}),
    ):
        on(state, project, told, **flags)
        assert told.asked == []


def test_a_person_is_asked_only_what_facts_cannot_tell(on: On, project: Project) -> None:
    told = Told("n", interactive=True)
    assert on(broken("nginx down"), project, told) == 10
    assert told.asked == ["data at risk? [yes/no, Enter = not known]"]
    assert "data at risk? no" in " ".join(told.out.getvalue().split())


def test_a_person_has_read_what_is_the_matter_before_being_asked(on: On, project: Project) -> None:
    told = Told(interactive=True)
    on(broken("nginx down"), project, told)
    assert "nginx.restart: nginx is inactive" in told.read[0]
    assert "SEVERITY" not in told.read[0]
    assert told.out.getvalue().count("nginx.restart: nginx is inactive") == 1


def test_what_is_no_answer_is_asked_again(on: On, project: Project) -> None:
    told = Told("perhaps", "y", interactive=True)
    on(broken("nginx down"), project, told)
    assert len(told.asked) == 2
    assert "data at risk? yes" in " ".join(told.out.getvalue().split())


def test_what_was_given_as_a_flag_is_not_asked(on: On, project: Project) -> None:
    told = Told(interactive=True)
    on(broken("workers down"), project, told, revenue="maybe", users="few")
    assert [question.partition("?")[0] for question in told.asked] == ["data at risk"]
    assert "SEV-2" in told.out.getvalue()


def test_answers_may_be_shortened_and_left_open(on: On, project: Project) -> None:
    told = Told("", "M", "all", interactive=True)
    on(broken("workers down"), project, told)
    text = told.out.getvalue()
    assert "revenue impacted? maybe, users affected? all" in " ".join(text.split())
    assert "not answered: data at risk? (--data)" in " ".join(text.split())
    assert "SEV-1" in text


def test_a_person_is_asked_when_nothing_tells_whether_the_site_can_be_used(on: On, project: Project) -> None:
    blind: Changes = {**broken("workers down"), **dict.fromkeys(PAGES, Unreadable("curl: not found"))}
    told = Told("no", interactive=True)
    assert on(blind, project, told) == 10
    assert told.asked[0].startswith("service accessible? [no/partial/yes")
    assert "SEV-1" in told.out.getvalue()
    silent = Told()
    on(blind, project, silent)
    assert "unknown from what was seen" in silent.out.getvalue()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"host": None}, "--host is missing"),
        ({"host": "nowhere"}, "nowhere"),
        ({"data": "perhaps"}, "--data takes yes, no, not 'perhaps'"),
        ({"users": "some"}, "--users takes all, many, few, not 'some'"),
        ({"revenue": ""}, "--revenue takes yes, maybe, no, not ''"),
        ({"accessible": "YES"}, "--accessible takes no, partial, yes, not 'YES'"),
        ({"inventory": "/nowhere.yml"}, "/nowhere.yml"),
    ],
)
def test_wrong_usage_is_one_line(flags: dict[str, object], words: str, on: On, project: Project) -> None:
    with pytest.raises(ConfigurationError) as caught:
        on(HEALTHY, project, Told(), **flags)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_playbook_of_the_project_is_named_and_left_out(on: On, project: Project) -> None:
    own = project.demand_root() / "playbooks" / "shop_down.py"
    own.parent.mkdir()
    own.write_text("def shop_down():\n    pass\n")
    told = Told()
    assert on(broken("nginx down"), project, told) == 10
    assert f"left out: {own}" in told.err.getvalue()


def test_ctrl_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    def interrupted(*_: object, **__: object) -> TriageReport:
        raise KeyboardInterrupt

    monkeypatch.setattr("remediate.transport.dialing.Dialling", lambda *_: Opened(FactSession(HEALTHY)))
    monkeypatch.setattr("remediate.commands.triage.triage", interrupted)
    assert triage_hosts({"host": "web1"}, project, Told().terminal, program="invoke") == 130
