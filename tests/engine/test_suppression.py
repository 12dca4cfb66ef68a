"""The limits and the kill switch in whole runs: nothing is changed, and the report says so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from remediate.core.host import Host
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.playbook import HostPlan
from remediate.core.verdict import PAUSED
from remediate.engine.limits import Limit
from remediate.errors import JournalError
from remediate.journal.journal import Journal
from remediate.journal.pause import KillSwitch, Pause
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import Unit
from remediate.project.run_limits import RunLimits
from remediate.report.hints import CommandHints
from remediate.report.lines import verdict_lines
from remediate.testing import MemoryRecorder, ScriptedEvent, play
from support import examples as ex
from support.engine_scenes import AGAIN, BROKEN, CONFIG, FPM, HEALTHY, HOST_PLAN, MENDED, REMEDY, TINY
from support.nginx_runs import AGAIN as NGINX_AGAIN
from support.nginx_runs import DOWN, WELL, YES, Told, fixed, web
from support.outcomes import code
from support.scripted import FactSession
from support.toys import RestartFpm

pytestmark = pytest.mark.usefixtures("impatient", "state")

LIMITS = RunLimits()
SOON = timedelta(minutes=3)
OF_NOBODY = "me 1000\nheld 65534 7 nobody sleep 60\n"
OTHER, OTHER_CONFIG = Unit(name="php8.3-fpm"), PhpFpmConfig(php="php8.3")
BOTH = HostPlan(symptoms=(), diagnosis=(), remedies=(REMEDY, RestartFpm(php="php8.3", settle=0)))


def paused(path: Path | None = None) -> KillSwitch:
    switch = KillSwitch(path)
    assert switch.set(Pause("a migration", "ana@laptop", datetime.now(UTC)))
    return switch


# -- limits ------------------------------------------------------------------------------------------------------------


def test_what_was_fixed_a_moment_ago_is_not_fixed_again_without_a_person(journal: Journal) -> None:
    assert Told().ends == {"web1": ("fixed", "")}
    told = Told()
    assert (told.report.exit_code, told.ends, told.acted) == (3, {"web1": ("refused", "cool-down")}, [])
    assert "nothing was changed" in told.out.getvalue()
    advice = "remediate do.nginx.restart --host web1 --override cool-down='why'"
    assert advice in " ".join(told.out.getvalue().split())
    assert [run.verdict for run in journal.runs()] == ["refused", "fixed"]  # said, and not queued


def test_the_advice_of_a_limit_works(journal: Journal) -> None:
    fixed(journal, timedelta(minutes=12))
    fixed(journal, SOON)
    assert Told().ends == {"web1": ("refused", "recurring")}
    told = Told(options=YES.model_copy(update={"overrides": {"recurring": "the disk was replaced"}}))
    assert told.ends == {"web1": ("fixed", "")}
    assert "recurring overridden: the disk was replaced" in told.report.hosts[0].steps[0].why
    assert journal.find(told.report.run).reason == "recurring overridden on web1: the disk was replaced"


def test_a_limit_is_not_overridden_if_that_cannot_be_recorded(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise JournalError("the disk is full")

    fixed(journal, SOON)
    monkeypatch.setattr(Journal, "justify", full)
    told = Told(decide=lambda *_: "why")
    assert (told.ends, told.acted) == ({"web1": ("refused", "journal-unwritable")}, [])


def test_a_weaker_override_does_not_do_for_a_stronger_limit(journal: Journal) -> None:
    fixed(journal, timedelta(minutes=12))
    fixed(journal, SOON)
    told = Told(options=YES.model_copy(update={"overrides": {"cool-down": "why"}}))
    assert told.ends == {"web1": ("refused", "recurring")}


def test_a_person_is_asked_and_may_go_on(journal: Journal) -> None:
    fixed(journal, SOON)
    asked: list[tuple[str, str]] = []

    def decide(host: Host, limit: Limit) -> str | None:
        asked.append((host.name, limit.code.name))
        return "I look at it" if len(asked) > 1 else None

    assert Told(decide=decide).ends == {"web1": ("refused", "cool-down")}
    told = Told(decide=decide)
    assert told.ends == {"web1": ("fixed", "")}
    assert "cool-down overridden: I look at it" in told.report.hosts[0].steps[0].why
    assert asked == [("web1", "cool-down")] * 2


@pytest.mark.parametrize(
    "past",
    [
        {"outcome": "not_run"},
        {"host": "web2"},
        {"playbook": "fix.app-down"},
        {"ago": timedelta(minutes=11)},
    ],
)
def test_what_is_not_the_same_fix_of_a_moment_ago_limits_nothing(journal: Journal, past: dict[str, object]) -> None:
    fixed(journal, **{"ago": SOON, **past})  # type: ignore[arg-type]
    assert Told().ends == {"web1": ("fixed", "")}


def test_a_step_of_which_no_end_is_known_counts(journal: Journal) -> None:
    fixed(journal, SOON, outcome=None)
    assert Told().ends == {"web1": ("refused", "cool-down")}


def test_a_healthy_host_has_nothing_to_suppress(journal: Journal) -> None:
    fixed(journal, SOON)
    assert Told({"web1": FactSession(WELL)}).ends == {"web1": ("healthy", "")}


def test_one_host_of_several_that_reached_a_limit_stops_no_other(journal: Journal) -> None:
    fixed(journal, SOON, host="web2")
    told = Told({name: FactSession(DOWN, NGINX_AGAIN) for name in ("web1", "web2", "web3")})
    assert told.ends == {"web1": ("fixed", ""), "web2": ("refused", "cool-down"), "web3": ("fixed", "")}
    assert told.acted == ["web1", "web3"]


def test_two_of_three_hosts_of_a_group_are_left_to_a_person() -> None:
    sessions = {
        "web1": FactSession(DOWN, NGINX_AGAIN),
        "web2": FactSession(DOWN, NGINX_AGAIN),
        "web3": FactSession(WELL),
    }
    hosts = [web(name, "all", "web") for name in sessions]
    told = Told(sessions, hosts)
    assert [end[1] for end in told.ends.values()] == ["common-cause", "common-cause", ""]
    assert told.acted == []
    again = Told(sessions, hosts, options=YES.model_copy(update={"overrides": {"common-cause": "known"}}))
    assert [end[0] for end in again.ends.values()] == ["fixed", "fixed", "healthy"]


def test_hosts_that_may_share_a_cause_are_asked_about_once() -> None:
    names, asked = ("web1", "web2", "web3"), list[str]()

    def decide(host: Host, limit: Limit) -> str | None:
        asked.append(f"{host.name} {limit.code.name}")
        return "the switch is back"

    sessions = {name: FactSession(DOWN, NGINX_AGAIN) for name in names}
    told = Told(sessions, [web(name, "all", "web") for name in names], decide=decide)
    assert asked == ["web1 common-cause"]
    assert told.acted == list(names)
    whys = [host.steps[0].why for host in told.report.hosts]
    assert all("common-cause overridden: the switch is back" in why for why in whys)


def test_a_plan_says_that_a_fix_would_be_suppressed(journal: Journal) -> None:
    fixed(journal, SOON)
    told = Told(options=YES.model_copy(update={"plan": True}))
    assert told.report.verdict is RunVerdict.PENDING
    assert "a fix would be left to a person (cool-down)" in told.err.getvalue()


def test_a_journal_that_can_be_written_but_not_read_is_left_to_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise JournalError("the journal x cannot be used")

    monkeypatch.setattr(Journal, "fixes", broken)
    told = Told()
    assert (told.ends, told.acted) == ({"web1": ("refused", "history-unknown")}, [])
    assert "the journal x cannot be used" in " ".join(told.out.getvalue().split())


# -- the kill switch ---------------------------------------------------------------------------------------------------


def test_nothing_is_changed_while_paused_and_everything_is_looked_at() -> None:
    switch = paused()
    told = Told()
    assert (told.report.exit_code, told.ends, told.acted) == (3, {"web1": ("refused", "paused")}, [])
    for text in (told.out.getvalue(), told.err.getvalue()):
        assert "paused by ana@laptop since " in " ".join(text.split())
        assert "a migration" in " ".join(text.split())
    assert "remediate unpause, then remediate do.nginx.restart --host web1" in " ".join(told.out.getvalue().split())
    assert Told({"web1": FactSession(WELL)}).report.verdict is RunVerdict.HEALTHY
    plan = Told(options=YES.model_copy(update={"plan": True}))
    assert plan.report.verdict is RunVerdict.PENDING
    assert "a migration; no host is changed" in " ".join(plan.err.getvalue().split())
    switch.clear()
    assert Told().ends == {"web1": ("fixed", "")}


def test_no_override_ends_a_pause_and_nobody_is_asked() -> None:
    paused()
    told = Told(options=YES.model_copy(update={"overrides": {"paused": "why"}}), decide=lambda *_: "why")
    assert (told.ends, told.acted) == ({"web1": ("refused", "paused")}, [])


def test_a_file_that_cannot_be_understood_pauses() -> None:
    switch = KillSwitch()
    switch.path.parent.mkdir(parents=True)
    switch.path.write_text('{"who": "ana", "sin')
    told = Told()
    assert (told.ends, told.acted) == ({"web1": ("refused", "paused")}, [])
    assert "counts as a pause" in told.err.getvalue()


def test_the_file_of_the_settings_is_the_one_that_counts(tmp_path: Path) -> None:
    paused(tmp_path / "team")
    assert Told(limits=RunLimits(pause_file=tmp_path / "team")).ends == {"web1": ("refused", "paused")}
    assert Told(limits=LIMITS).ends == {"web1": ("fixed", "")}


def test_a_pause_between_two_steps_stops_the_second() -> None:
    """The switch is looked at before every step, not only at the start."""
    said = iter([None, "paused by ana: a migration"])
    session = FactSession({FPM: ex.FAILED, CONFIG: ex.SOUND, OTHER: ex.FAILED, OTHER_CONFIG: ex.SOUND}, {FPM: AGAIN})
    outcome = play(BOTH, session, options=TINY, paused=lambda: next(said))
    assert [step.code for step in outcome.steps] == [None, "paused"]
    assert (outcome.verdict, outcome.touched, len(session.acts)) == (RunVerdict.NOT_FIXED, Touched.YES, 1)
    hints = CommandHints("remediate", "app-down", "7f3a", None)
    assert "remediate unpause, then remediate fix.app-down" in " ".join(" ".join(verdict_lines(outcome, hints)).split())


def test_a_step_is_not_even_intended_while_paused() -> None:
    session, record = FactSession(BROKEN, MENDED), MemoryRecorder()
    outcome = play(HOST_PLAN, session, record=record, options=TINY, paused=lambda: "paused by ana: a migration")
    assert (outcome.verdict, code(outcome), session.acts, record.intents) == (
        RunVerdict.REFUSED,
        PAUSED.name,
        [],
        [],
    )
    assert play(HOST_PLAN, FactSession(HEALTHY), paused=lambda: "paused").verdict is RunVerdict.HEALTHY


def test_a_run_that_waits_for_the_lock_looks_at_the_switch_in_turns() -> None:
    waiting = TINY.model_copy(update={"wait": 25})
    session = FactSession(BROKEN, ScriptedEvent.LOCKED, ScriptedEvent.LOCKED, MENDED)
    assert play(HOST_PLAN, session, options=waiting).verdict is RunVerdict.FIXED
    assert [act.wait <= 10 for act in session.acts] == [True] * 3


@pytest.mark.parametrize(
    ("event", "options"),
    [
        (ScriptedEvent.MOVED, {}),
        (ScriptedEvent.LOCKED, {"wait": 25}),
        (ScriptedEvent.LOCKED, {"overrides": {"locked": "it hangs"}}),
    ],
    ids=["what moved", "a lock that is waited for", "an overridden lock"],
)
def test_nothing_is_tried_again_once_paused_and_no_step_is_left_open(
    event: ScriptedEvent, options: dict[str, object]
) -> None:
    said = iter([None, "paused"])
    holder = OF_NOBODY if "overrides" in options else ""
    session, record = FactSession(BROKEN, event, MENDED, holder=holder), MemoryRecorder()
    given = TINY.model_copy(update=options)
    outcome = play(HOST_PLAN, session, options=given, record=record, paused=lambda: next(said))
    assert (outcome.verdict, code(outcome), session.ran) == (RunVerdict.REFUSED, PAUSED.name, [])
    assert len(record.intents) == len(record.outcomes) == 1


@pytest.mark.parametrize("event", [ScriptedEvent.LOCKED, ScriptedEvent.NO_LOCK])
def test_without_time_to_wait_or_without_a_lock_it_is_tried_once(event: ScriptedEvent) -> None:
    wait = 0 if event is ScriptedEvent.LOCKED else 25
    session = FactSession(BROKEN, event, MENDED)
    outcome = play(HOST_PLAN, session, options=TINY.model_copy(update={"wait": wait}))
    assert (outcome.verdict, len(session.acts)) == (RunVerdict.REFUSED, 1)
