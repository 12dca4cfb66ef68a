"""Forbidden results: acting on a solved problem, and claiming something unseen."""

from threading import Event as Signal
from typing import ClassVar, Literal

import pytest

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict, Touched, Verified
from remediate.core.playbook import HostPlan, Runnable, Severity
from remediate.core.remedy import Verification
from remediate.engine.context import Context
from remediate.engine.fleet import run
from remediate.engine.host_runner import HostRunner
from remediate.engine.reporter import NullReporter
from remediate.errors import Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.php_fpm import Ping
from remediate.programs.processes import end_processes
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.remedies.single import SingleRemedy
from remediate.remedies.supervisor import RestartSupervisor
from remediate.testing import MemoryRecorder, ScriptedEvent, play
from support import examples as ex
from support.incidents import (
    APP,
    DEPLOY,
    FPM,
    FPM_CONFIG,
    HEALTHY,
    HOST,
    MAINTENANCE,
    ORPHANS,
    POOLS,
    UP,
    WORKERS,
    broken,
    mended,
    restart,
    working,
)
from support.outcomes import code, problem
from support.scripted import Changes, FactSession, printed

pytestmark = pytest.mark.usefixtures("hurry")

# -- between looking and acting ----------------------------------------------------------------------------------------


def mended_after(runnable: Runnable, session: FactSession, meanwhile: Changes) -> HostOutcome:
    """Examine and mend; the host changes between, while a person reads the question or an earlier host is mended."""
    context = Context(lambda _: session, session, MemoryRecorder(), NullReporter(), Signal(), ("tester", "run-0"))
    runner = HostRunner(HOST, runnable, Options(hold=0, yes=True, timeout=10), context)
    assert runner.examine() is None
    session._change(printed(meanwhile))
    outcome = runner.mend()
    runner.close()
    return outcome


@pytest.mark.parametrize(
    ("meanwhile", "refusal"),
    [
        ({FPM_CONFIG: ex.BROKEN_CONFIG}, "config-broken"),
        (MAINTENANCE, "maintenance-mode"),
        ({DEPLOY: ex.DEPLOYING}, "deploy-running"),
    ],
)
def test_what_speaks_against_acting_by_the_time_of_acting_counts(meanwhile: Changes, refusal: str) -> None:
    session = FactSession(broken("php-fpm down"))
    outcome = mended_after(app_down, session, meanwhile)
    assert session.ran == []
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, refusal, Touched.NO)


def test_an_old_survey_is_taken_anew_before_acting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.engine.host_runner.STALE_SECONDS", 0)
    session = FactSession(broken("php-fpm down"))
    outcome = mended_after(app_down, session, HEALTHY)
    assert (outcome.verdict, outcome.touched, session.ran) == (RunVerdict.HEALTHY, Touched.NO, [])


def test_workers_left_behind_that_changed_meanwhile_are_not_ended() -> None:
    session = FactSession(broken("supervisor down"))
    mended_after(SingleRemedy(RestartSupervisor), session, {ORPHANS: ex.strays((777, 5001))})
    assert [each for each in session.ran if each.user == "forge"] == [end_processes(("777:5001",), "forge", 60)]


def test_what_only_an_earlier_remedy_would_have_read_does_not_stop_a_later_one() -> None:
    lost = {**broken("workers down"), ORPHANS: Unreadable("not now")}
    outcome = play(app_down, FactSession(lost, *mended(["workers down"])), host=HOST)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error


# -- one remedy by itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "refusal"), [(MAINTENANCE, "maintenance-mode"), ({DEPLOY: ex.DEPLOYING}, "deploy-running")]
)
def test_one_remedy_by_itself_keeps_to_maintenance_and_deploys_too(gate: Changes, refusal: str) -> None:
    session = FactSession({**broken("php-fpm down"), **gate})
    outcome = play(SingleRemedy(RestartPhpFpm), session, host=HOST, options=Options(hold=0, yes=True, timeout=10))
    assert (outcome.verdict, code(outcome), session.ran) == (RunVerdict.REFUSED, refusal, [])


def test_maintenance_can_be_overridden_for_one_remedy_and_stays_what_it_is() -> None:
    session = FactSession({**broken("php-fpm down"), APP: ex.IN_MAINTENANCE}, *mended(["php-fpm down"]))
    options = Options(hold=0, yes=True, overrides={"maintenance-mode": "the deploy is dead"})
    outcome = play(SingleRemedy(RestartPhpFpm), session, host=HOST, options=options)
    assert (outcome.verdict, session.ran) == (RunVerdict.FIXED, [restart("php8.2-fpm")])


def test_one_remedy_by_itself_has_no_symptom_that_could_be_over() -> None:
    session = FactSession(broken("php-fpm down"), *mended(["php-fpm down"]))
    outcome = play(SingleRemedy(RestartPhpFpm), session, host=HOST)
    assert (outcome.verdict, outcome.serving_again_seconds) == (RunVerdict.FIXED, None)


@pytest.mark.parametrize("ping", [Ping.FORBIDDEN, Ping.SILENT])
def test_one_remedy_by_itself_does_not_call_healthy_what_it_cannot_tell(ping: Ping) -> None:
    bare = HOST.model_copy(update={"settings": HOST.settings.model_copy(update={"site_url": None})})
    session = FactSession({**HEALTHY, POOLS: ex.pools(ping)})
    outcome = play(SingleRemedy(RestartPhpFpm), session, host=bare)
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "unreadable")


# -- while it lasts ----------------------------------------------------------------------------------------------------


def test_what_somebody_else_has_just_mended_has_to_last() -> None:
    young = ex.started_again(ex.FAILED).model_copy(update={"active_since": 999_999.9})
    session = FactSession(broken("php-fpm down"), ScriptedEvent.MOVED, at={2: {FPM: young, **UP}, 4: {FPM: ex.FAILED}})
    outcome = play(app_down, session, host=HOST, options=Options(hold=0.4, yes=True))
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "unstable", Touched.NO)


@pytest.mark.parametrize(
    ("renewals", "verdict", "error"),
    [(1, RunVerdict.FIXED, None), (26, RunVerdict.NOT_FIXED, "not-holding")],
    ids=["after a long life", "again and again"],
)
def test_workers_that_renew_themselves_are_no_fault_unless_they_crash(
    renewals: int, verdict: RunVerdict, error: str | None
) -> None:
    at: dict[int, Changes | ScriptedEvent] = {
        survey: {WORKERS: ex.workers("RUNNING", "RUNNING", pid=30000 + 10 * survey, uptime=1)}
        for survey in range(4, 4 + renewals)
    }
    down = {**broken("php-fpm down"), **working("RUNNING", "RUNNING")}
    outcome = play(
        app_down, FactSession(down, *mended(["php-fpm down"]), at=at), host=HOST, options=Options(hold=0.4, yes=True)
    )
    assert (outcome.verdict, code(outcome)) == (verdict, error), outcome.error


# -- what is known of it -----------------------------------------------------------------------------------------------


def test_a_host_that_was_changed_stays_changed_when_the_link_is_lost_later() -> None:
    session = FactSession(broken("php-fpm down", "nginx down"), mended(["php-fpm down"])[0], ScriptedEvent.LOST_WHILE)
    outcome = play(app_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.UNKNOWN, Touched.YES)
    assert [step.verified for step in outcome.steps if step.decision.value == "proceed"][-1] is Verified.UNKNOWN


def test_nothing_is_said_of_afterwards_when_nobody_looked() -> None:
    outcome = play(app_down, FactSession(broken("php-fpm down"), ScriptedEvent.LOST_WHILE), host=HOST)
    assert (outcome.verdict, outcome.touched, outcome.after) == (RunVerdict.UNKNOWN, Touched.UNKNOWN, ())


def test_a_link_lost_before_the_second_act_leaves_no_intent_open() -> None:
    record = MemoryRecorder()
    session = FactSession(broken("php-fpm down", "nginx down"), mended(["php-fpm down"])[0], ScriptedEvent.LOST_BEFORE)
    outcome = play(app_down, session, host=HOST, record=record)
    assert len(record.intents) == len(record.outcomes) == 2
    assert outcome.verdict is RunVerdict.UNKNOWN
    assert [step.remedy for step in outcome.steps][-1] == "nginx.restart"


def test_stopping_while_an_effect_is_waited_for_is_an_interruption_and_no_failure() -> None:
    stop, record = Signal(), MemoryRecorder()
    session = FactSession(broken("php-fpm down"), {FPM: ex.STARTING})

    class Stops(NullReporter):
        def progress(self, host: Host, text: str) -> None:
            if text.startswith("php-fpm.restart: "):
                stop.set()

    outcome = play(app_down, session, host=HOST, record=record, reporter=Stops(), stop=stop)
    assert (outcome.verdict, outcome.exit_code, outcome.touched) == (RunVerdict.INTERRUPTED, 130, Touched.YES)
    assert [step.verified for _, step in record.outcomes] == [Verified.UNKNOWN]


# -- bugs of ours, or of a playbook ------------------------------------------------------------------------------------


class Buggy(RestartPhpFpm):
    """Fails in a way that nobody foresaw, once it has acted."""

    kind: Literal["toy.buggy"] = "toy.buggy"  # type: ignore[assignment]  # else two remedies had one kind

    def verify(self, before: Facts, after: Facts) -> Verification:
        raise KeyError("nobody foresaw this")


class _Cure:
    name = "buggy"
    severity: ClassVar[Severity | None] = None
    discovers = False

    def __call__(self, host: Host) -> HostPlan:
        kind = Buggy if host.name == "web2" else RestartPhpFpm
        return HostPlan(symptoms=(), diagnosis=(), remedies=(kind.on(host),))


@pytest.mark.usefixtures("state")
def test_a_bug_on_one_host_costs_no_other_its_outcome() -> None:
    hosts = tuple(HOST.model_copy(update={"name": name}) for name in ("web1", "web2", "web3"))
    sessions = {host.name: FactSession(broken("php-fpm down"), *mended(["php-fpm down"])) for host in hosts}
    report = run(
        _Cure(), hosts, connect=lambda host: sessions[host.name], options=Options(hold=0, yes=True, max_hosts=3)
    )
    first, second, third = report.hosts
    assert first.verdict is RunVerdict.FIXED
    assert (second.verdict, code(second), second.touched) == (RunVerdict.UNKNOWN, "internal-error", Touched.UNKNOWN)
    assert "KeyError: 'nobody foresaw this'" in problem(second).message
    assert (third.verdict, code(third), sessions["web3"].ran) == (RunVerdict.REFUSED, "earlier-host-failed", [])


def test_the_time_given_to_a_host_leaves_room_to_hold() -> None:
    with pytest.raises(ValueError, match="leaves no room to hold for 30 s"):
        Options(timeout=10)
    assert Options(timeout=10, plan=True).timeout == 10
