"""Triage on scripted hosts: one survey, the right incident first, no guesses."""

from collections.abc import Iterable, Mapping, Sequence
from time import monotonic

import pytest

from remediate.core.host import Host
from remediate.core.outcome import Reading
from remediate.core.playbook import Playbook, Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.playbooks.database_down import database_down
from remediate.probes.http import HttpFailure
from remediate.testing import ScriptedEvent
from remediate.triage.assessment import Answer, Answers, Known
from remediate.triage.triage import HostTriage, _access, triage
from support import examples as ex
from support.database_incidents import SERVER, SESSIONS, WELL
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
from support.triages import FULL, GONE, INSIDE, UNEXPLAINED, buggy, disk_full, first, fpm_down, triaged, unfixable

PATIENCE = 120.0
"""Seconds that no machine needs for the looks of these tests."""


def _nowhere(host: Host) -> Iterable[Probe[Fact]]:
    raise KeyError("shop")


@playbook(severity=Severity.SEV1, symptoms=_nowhere)
def unasked(host: Host) -> Iterable[Remedy]:
    """Do not even know what to ask."""
    return ()


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


# -- looking again -----------------------------------------------------------------------------------------------------

HANGING: Changes = {**WELL, **dict.fromkeys(PAGES, ex.no_page(HttpFailure.TIMEOUT))}
LOCKED: Changes = {SESSIONS: ex.SESSIONS.model_copy(update={"waiting": True})}
BESIDE = host(database=SERVER, site_vantage=["host"])


def test_a_symptom_without_a_cause_is_looked_at_again() -> None:
    """The pages of the first survey are the first that wait for the lock: nobody has waited for long by then."""
    session = FactSession(HANGING, at={2: LOCKED})
    report = triaged(session, app_down, database_down, on=BESIDE)
    assert (report.exit_code, first(report).playbook, first(report).codes) == (
        10,
        "database-down",
        ("blocker-unknown",),
    )
    assert session.surveys == 2


YOUNG: Changes = {NGINX: ex.RUNNING.model_copy(update={"active_since": 999_988.0})}


@pytest.mark.parametrize(
    ("state", "at", "ends", "surveys"),
    [
        (UNEXPLAINED, {2: HEALTHY}, (3, True, False), 2),
        (broken("nginx down"), {}, (10, True, True), 1),
        ({**HEALTHY, **YOUNG}, {3: broken("nginx down")}, (10, True, True), 3),
        ({**UNEXPLAINED, **YOUNG}, {2: {**HEALTHY, **YOUNG}, 4: broken("nginx down")}, (10, True, True), 4),
        ({**HEALTHY, **YOUNG}, {2: HEALTHY}, (0, False, False), 2),
    ],
    ids=[
        "a symptom that is over at the second look is not forgotten",
        "an explained symptom costs one look",
        "what comes and goes is seen when it is gone",
        "an unexplained one that comes and goes is looked at until it is explained",
        "what has grown old is healthy",
    ],
)
def test_looks(
    state: Changes, at: dict[int, Changes | ScriptedEvent], ends: tuple[int, bool, bool], surveys: int
) -> None:
    session = FactSession(state, at=at)
    report = triaged(session, patience=PATIENCE)
    assert (report.exit_code, first(report).matches, first(report).mends) == ends
    assert session.surveys == surveys


def test_what_stays_young_is_never_called_healthy() -> None:
    report = triaged({**HEALTHY, **YOUNG}, patience=0)
    assert (report.exit_code, report.hosts[0].matching, report.hosts[0].young) == (3, (), True)


def test_ctrl_c_does_not_wait_until_something_is_old() -> None:
    def connect(asked: Host) -> FactSession:
        if asked.name == "interrupted":
            raise KeyboardInterrupt
        return FactSession({**HEALTHY, **YOUNG})

    interrupted, begun = INSIDE.model_copy(update={"name": "interrupted"}), monotonic()
    with pytest.raises(KeyboardInterrupt):
        triage((interrupted, INSIDE), (app_down,), connect=connect, patience=PATIENCE)
    assert monotonic() - begun < PATIENCE / 2


# -- several playbooks -------------------------------------------------------------------------------------------------


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
    incident = unfixable("certificate-expiry", "certificate.renew: …", "server-name-conflict")
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
