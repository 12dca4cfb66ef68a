"""Triage on scripted hosts: one survey, the right incident first, no guesses."""

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import pytest

from remediate.commands.terminal import Terminal
from remediate.commands.triage import triage_hosts
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.outcome import Reading
from remediate.core.playbook import Playbook, Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.vantage import Vantage
from remediate.core.verdict import Verdict
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.filesystems import DiskSpace
from remediate.probes.network import PortOwner
from remediate.probes.systemd import Unit
from remediate.project.project import Project
from remediate.report.lines import WIDTH
from remediate.triage.assessment import Answer, Answers, Known
from remediate.triage.text import judged_lines, seen_lines
from remediate.triage.triage import Candidate, HostTriage, TriageReport, _access, _rank, triage
from support import examples as ex
from support import load_examples as exl
from support.incidents import (
    ALONE,
    DEPLOY,
    HEALTHY,
    MAINTENANCE,
    NGINX,
    PAGES,
    broken,
    host,
)
from support.scripted import Changes, FactSession
from support.toys import RestartFpm, document, masked

INSIDE = host(site_vantage=["host"])
ONE = tuple(page for page in PAGES if page.vantage is Vantage.HOST)


@playbook(severity=Severity.SEV3, symptoms=lambda _: (DiskSpace(),))
def disk_full(host: Host) -> Iterable[Remedy]:
    """Make room."""
    return ()


@playbook(severity=Severity.SEV1, symptoms=lambda _: (Unit(name="php8.2-fpm"),))
def fpm_down(host: Host) -> Iterable[Remedy]:
    """Start it."""
    return (RestartFpm(),)


class Buggy(RestartFpm):
    """Its author made a mistake."""

    kind: Literal["toy.buggy"] = "toy.buggy"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        raise ZeroDivisionError("division by zero")


@playbook(severity=Severity.SEV1, symptoms=lambda _: (DiskSpace(),))
def buggy(host: Host) -> Iterable[Remedy]:
    """Do not know what."""
    return (Buggy(),)


def _nowhere(host: Host) -> Iterable[Probe[Fact]]:
    raise KeyError("shop")


@playbook(severity=Severity.SEV1, symptoms=_nowhere)
def unasked(host: Host) -> Iterable[Remedy]:
    """Do not even know what to ask."""
    return ()


def triaged(
    state: Changes | FactSession, *playbooks: Playbook, on: Host = INSIDE, answers: Answers | None = None
) -> TriageReport:
    session = state if isinstance(state, FactSession) else FactSession(state)
    return triage((on,), playbooks or (app_down,), answers=answers, connect=lambda _: session)


def first(report: TriageReport) -> Candidate:
    return report.hosts[0].incidents[0]


def test_a_healthy_host_costs_one_exec() -> None:
    session = FactSession(HEALTHY)
    report = triaged(session, app_down, disk_full)
    assert (report.exit_code, session.execs, session.closed) == (0, 1, True)
    assert report.hosts[0].matching == ()
    assert report.assessment.severity is None
    assert session.ran == []


CAUSES: Mapping[str, tuple[str, str]] = {
    "php-fpm down": ("php-fpm.restart", "failed"),
    "nginx down": ("nginx.restart", "inactive"),
    "supervisor down": ("supervisor.restart", "failed"),
    "workers down": ("worker.start", "FATAL"),
    "php-fpm hung": ("php-fpm.restart", "does not answer"),
    "php-fpm socket gone": ("php-fpm.restart", "www"),
    "workers stopped": ("worker.start", "STOPPED"),
    "workers stopped by a signal": ("worker.restart", "stopped by a signal (state T)"),
    "nginx down, nobody's fault": ("nginx.restart", "failed"),
}


def test_every_cause_has_its_line() -> None:
    assert set(CAUSES) == set(ALONE)


@pytest.mark.parametrize("cause", ALONE)
def test_every_cause_of_app_down_is_ranked_first_with_its_evidence(cause: str) -> None:
    session = FactSession(broken(cause))
    report = triaged(session, disk_full, app_down)
    kind, words = CAUSES[cause]
    incident = first(report)
    assert (report.exit_code, session.execs, incident.playbook) == (10, 1, "app-down")
    assert (incident.matches, incident.mends, incident.severity) == (True, True, Severity.SEV1)
    assert incident.causes[0].startswith(f"{kind}: ")
    assert words in incident.causes[0], incident.causes
    assert incident.evidence
    assert [each.playbook for each in report.hosts[0].incidents] == ["app-down", "disk-full"]


@pytest.mark.parametrize(
    ("state", "code"), [(MAINTENANCE, "maintenance-mode"), ({DEPLOY: ex.DEPLOYING}, "deploy")], ids=["down", "deploy"]
)
def test_what_must_not_be_mended_matches_too_and_says_so(state: Changes, code: str) -> None:
    report = triaged({**broken("php-fpm down"), **state})
    assert report.exit_code == 10
    assert any(code in cause for cause in first(report).causes), first(report).causes


def test_a_symptom_without_a_known_cause_is_unexplained() -> None:
    report = triaged(UNEXPLAINED)
    incident = first(report)
    assert (report.exit_code, incident.matches, incident.mends, incident.causes) == (3, True, False, ())
    assert len(incident.evidence) == 2
    assert incident.against, "the workers run"


def test_what_cannot_be_read_is_unknown() -> None:
    report = triaged({**HEALTHY, **dict.fromkeys(PAGES, Unreadable("curl: not found"))})
    assert (report.exit_code, first(report).matches) == (3, False)
    assert len(first(report).unknown) >= 2
    assert report.assessment.severity is None


def test_a_host_that_cannot_be_entered_is_unreachable() -> None:
    report = triaged(FactSession({}, unreachable=UnreachableCode.REFUSED))
    assert (report.exit_code, report.hosts[0].error) == (4, "scripted: connection-refused")


def test_not_even_a_connection() -> None:
    def refused(_: Host) -> FactSession:
        raise Unreachable(UnreachableCode.HOST_KEY_CHANGED, "the host key is another one")

    report = triage((INSIDE,), (app_down,), connect=refused)
    assert (report.exit_code, report.hosts[0].error) == (4, "the host key is another one")


# -- several playbooks -------------------------------------------------------------------------------------------------

FULL: Changes = {DiskSpace(): exl.NO_ROOM_AT_ALL}
UNEXPLAINED: Changes = {**HEALTHY, **dict.fromkeys(PAGES, ex.page(500))}


def ranked(state: Changes, *playbooks: Playbook) -> list[str]:
    return [each.playbook for each in triaged(state, *playbooks).hosts[0].incidents]


@pytest.mark.parametrize(
    ("state", "order"),
    [
        ({**broken("nginx down"), **FULL}, ["app-down", "disk-full", "fpm-down"]),
        ({**HEALTHY, **FULL}, ["disk-full", "app-down", "fpm-down"]),
        ({**broken("php-fpm down"), **FULL}, ["app-down", "fpm-down", "disk-full"]),
        ({**UNEXPLAINED, **FULL}, ["disk-full", "app-down", "fpm-down"]),
    ],
)
def test_what_can_be_mended_comes_before_a_mere_symptom_and_that_before_nothing(
    state: Changes, order: list[str]
) -> None:
    assert ranked(state, fpm_down, disk_full, app_down) == order
    assert ranked(state, app_down, fpm_down, disk_full) == order


@pytest.mark.parametrize("bad", [buggy, unasked], ids=lambda bad: bad.name)
def test_a_bug_in_one_playbook_costs_the_others_nothing(bad: Playbook) -> None:
    report = triaged(broken("nginx down"), bad, app_down)
    assert (report.exit_code, first(report).playbook) == (10, "app-down")
    (why,) = report.hosts[0].unjudged.values()
    assert why.startswith("a bug in it or in remediate: ")


def test_a_playbook_that_the_inventory_lacks_something_for_is_named() -> None:
    report = triaged(HEALTHY, app_down, disk_full, on=host(site_url=None))
    assert report.exit_code == 0
    assert "remediate.site_url is not set" in report.hosts[0].unjudged["app-down"]


def test_when_nothing_can_be_judged_it_is_the_inventory_s_fault() -> None:
    with pytest.raises(ConfigurationError, match=r"remediate\.site_url is not set"):
        triaged(HEALTHY, app_down, on=host(site_url=None))
    with pytest.raises(ConfigurationError, match="there is no playbook"):
        triage((INSIDE,), (), connect=lambda _: FactSession(HEALTHY))


# -- several hosts -----------------------------------------------------------------------------------------------------

GONE = FactSession({}, unreachable=UnreachableCode.TIMEOUT)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((HEALTHY, HEALTHY), 0),
        ((HEALTHY, GONE), 4),
        ((GONE, UNEXPLAINED), 3),
        ((UNEXPLAINED, broken("nginx down"), GONE), 10),
        ((HEALTHY, broken("nginx down")), 10),
    ],
)
def test_of_several_hosts_the_gravest_decides(states: Sequence[Changes | FactSession], code: int) -> None:
    sessions = [each if isinstance(each, FactSession) else FactSession(each) for each in states]
    hosts = [INSIDE.model_copy(update={"name": f"web{number}"}) for number in range(len(sessions))]
    report = triage(hosts, (app_down,), connect=lambda host: sessions[int(host.name[-1])])
    assert (report.exit_code, [each.name for each in report.hosts]) == (code, [each.name for each in hosts])


def test_a_host_that_no_playbook_is_for_does_not_cost_the_others_their_triage() -> None:
    database = host(site_url=None).model_copy(update={"name": "db1"})
    report = triage((database, INSIDE), (app_down,), connect=lambda _: FactSession(broken("nginx down")))
    assert (report.exit_code, [each.exit_code for each in report.hosts]) == (10, [3, 10])


def test_a_site_that_may_be_another_one_is_not_called_accessible() -> None:
    bare = HostTriage(name="web1", address="192.0.2.1", seen=(Reading.of(PAGES[0], ex.page()),))
    incident = Candidate(
        playbook="certificate-expiry",
        severity=Severity.SEV1,
        matches=True,
        causes=("certificate.renew: …",),
        codes=("server-name-conflict",),
        mends=False,
        evidence=(),
        against=(),
        unknown=(),
    )
    assert _access(bare) is Known.YES
    assert _access(bare.model_copy(update={"incidents": (incident,)})) is Known.UNKNOWN


def test_one_site_of_two_down_is_partly_accessible() -> None:
    sessions = {"web1": FactSession(HEALTHY), "web2": FactSession(broken("nginx down"))}
    hosts = [INSIDE.model_copy(update={"name": name}) for name in sessions]
    report = triage(hosts, (app_down,), connect=lambda host: sessions[host.name])
    assert report.assessment.answers == {"accessible": Answer.PARTIAL}
    assert report.assessment.severity is Severity.SEV2


# -- how bad it is -----------------------------------------------------------------------------------------------------


def test_a_site_that_is_down_from_everywhere_is_the_worst() -> None:
    report = triaged(broken("nginx down"))
    assert report.assessment.severity is Severity.SEV1
    assert report.assessment.from_facts == ("accessible", "revenue", "users")
    assert report.assessment.open == ("data",)


def test_a_person_s_answer_counts_before_what_was_seen() -> None:
    given = Answers(accessible=Answer.YES, revenue=Answer.NO, users=Answer.FEW, data=Answer.NO)
    assert triaged(broken("nginx down"), answers=given).assessment.severity is Severity.SEV3


# -- the command -------------------------------------------------------------------------------------------------------


class Told:
    """A terminal that is a table: what it is asked, and what is answered."""

    def __init__(self, *answers: str, interactive: bool = False) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.asked: list[str] = []
        self.read: list[str] = []
        """What stood there at each question."""
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
        self._patch.setattr("remediate.transport.dialing.open_session", lambda _: session)
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
    assert "cannot be told from what was seen" in silent.out.getvalue()


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

    monkeypatch.setattr("remediate.transport.dialing.open_session", lambda _: FactSession(HEALTHY))
    monkeypatch.setattr("remediate.commands.triage.triage", interrupted)
    assert triage_hosts({"host": "web1"}, project, Told().terminal, program="invoke") == 130


# -- what a person reads -----------------------------------------------------------------------------------------------

GOLDEN: Final = Path(__file__).parent / "golden-triage"
YOUNG = ex.RUNNING.model_copy(update={"active_since": 999_988.0})
SCENES: Mapping[str, tuple[Changes | FactSession, tuple[Playbook, ...]]] = {
    "healthy": (HEALTHY, (app_down, fpm_down)),
    "healthy-but-young": ({**HEALTHY, NGINX: YOUNG}, (app_down,)),
    "one-incident": (broken("nginx down"), (app_down, disk_full)),
    "two-incidents": ({**broken("php-fpm down", "nginx down"), **FULL}, (disk_full, fpm_down, app_down)),
    "refused": ({**broken("php-fpm down"), **MAINTENANCE}, (app_down,)),
    "unexplained": (UNEXPLAINED, (app_down,)),
    "unknown": ({**HEALTHY, **dict.fromkeys(ONE, Unreadable("curl: not found"))}, (app_down,)),
    "blind": ({**broken("workers down"), **dict.fromkeys(PAGES, Unreadable("curl: not found"))}, (app_down,)),
    "not-judged": (broken("nginx down"), (app_down, buggy)),
    "unreachable": (GONE, (app_down,)),
}


def whole(report: TriageReport, inventory: str | None = None) -> list[str]:
    """Everything that a terminal shows."""
    return [
        line for lines in (seen_lines, judged_lines) for line in lines(report, program="invoke", inventory=inventory)
    ]


@pytest.mark.parametrize("name", SCENES)
def test_the_text_is_the_one_that_was_read_and_found_good(name: str) -> None:
    state, playbooks = SCENES[name]
    inventory = "my hosts/prod.yml" if name == "refused" else None
    lines = whole(triaged(state, *playbooks), inventory)
    text = "".join(f"{line}\n" for line in lines)
    assert max(map(len, lines)) <= WIDTH + 2
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def test_who_refuses_since_another_is_down_comes_after_it() -> None:
    """Under load the cause of app-down may be unread, while a certificate is known not to be served."""
    blind: Changes = {**broken("nginx down"), PortOwner(port=80): Unreadable("no answer within 5 s")}
    one = first(triaged(blind, app_down))
    assert (one.causes, one.mends) == ((), False)
    assert one.unknown
    served = one.model_copy(
        update={
            "playbook": "certificate-expiry",
            "causes": (
                "nginx.reload: nginx is inactive [nginx-down]",
                "incident.hand-over: nginx: inactive [app-down]",
            ),
            "codes": ("nginx-down", "app-down"),
            "unknown": (),
        }
    )
    assert min((served, one), key=_rank) is one
    host = triaged(blind, app_down).hosts[0].model_copy(update={"incidents": (one, served)})
    told = triaged(blind, app_down).model_copy(update={"hosts": (host,)})
    lines = whole(told)
    assert "ALSO     certificate-expiry: nothing but what is left to app-down" in lines


def test_who_only_leaves_it_to_another_is_told_in_one_line() -> None:
    report = triaged(broken("php-fpm down"), app_down)
    (one,) = report.hosts
    handing = Candidate(
        playbook="cache-down",
        severity=Severity.SEV2,
        matches=True,
        causes=("incident.hand-over: php8.2-fpm: inactive [app-down]",),
        codes=("app-down",),
        mends=False,
        evidence=("https://example.com/ 502 (from the host)",),
        against=(),
        unknown=(),
    )
    others = (
        handing,
        handing.model_copy(update={"playbook": "database-down"}),
        handing.model_copy(update={"playbook": "half-blind", "unknown": ("Redis: no answer",)}),
        handing.model_copy(update={"playbook": "busy", "causes": (*handing.causes, "toy.fpm: activating")}),
        handing.model_copy(update={"playbook": "left-to-nobody", "codes": ("high-load",)}),
    )
    told = report.model_copy(update={"hosts": (one.model_copy(update={"incidents": (*one.incidents, *others)}),)})
    lines = whole(told)
    assert "ALSO     cache-down, database-down: nothing but what is left to app-down" in lines
    assert "ALSO     half-blind: as far as could be read, nothing but what is left to app-down" in lines
    assert [line.split()[1] for line in lines if line[:1].isdigit()] == [
        "app-down", "busy", "left-to-nobody",
    ]  # fmt: skip
    assert lines[-2:] == [
        "NEXT     invoke check.app-down --host web1",
        "         invoke incident.declare, which begins with what was seen here",
    ]


def test_no_golden_text_is_left_of_a_scene_that_is_gone() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(SCENES)
