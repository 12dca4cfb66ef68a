"""runs.resume: what a dead run did is found out, not done again."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from remediate.core.outcome import Report
from remediate.errors import ConfigurationError, UnreachableCode, Unreadable
from remediate.journal.pause import KillSwitch, Pause
from remediate.journal.process import RunProcess
from remediate.probes.configuration import EnvValue
from remediate.remedies.configuration import SetEnv
from remediate.remedies.single import SingleRemedy
from remediate.testing import ScriptedEvent
from remediate.transport.script import APPLY_TAG
from support import examples as ex
from support.given_secret import HOST, LOOSE, PATH, SET
from support.nginx_runs import AGAIN, DOWN, NGINX, WELL, YES, Told
from support.orphans import DyingSession, Orphanage
from support.outcomes import problem
from support.scripted import FactSession

pytestmark = pytest.mark.usefixtures("hurry")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path) -> Orphanage:
    return Orphanage(tmp_path, monkeypatch)


def here() -> RunProcess:
    found = RunProcess.current()
    assert found is not None
    return found


def test_a_run_that_died_is_listed_with_its_host_step_and_commands(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN))
    assert (stored.unfinished, stored.given) == (True, "{}")
    said = runs.list()
    assert "not running any more: its process died" in said
    assert "may or may not have run (web1 nginx.restart): look with remediate triage --host web1" in said
    assert f"to find out, and to go on: remediate runs.resume {stored.shown}\n" in said
    assert f"runs.resume {stored.shown}" in runs.show(stored)


def test_a_run_that_goes_on_is_listed_as_such_and_not_resumed(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN), process=here())
    assert f"running now, in process {here().pid}" in runs.list()
    assert "resume" not in runs.list()
    with pytest.raises(ConfigurationError, match=r"running now, in process [0-9]+: nothing is left to resume"):
        runs.resume(stored, [])


def test_what_was_done_is_not_done_again_and_the_run_ends_as_fixed(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN))
    look, again = FactSession({**WELL, **AGAIN}), FactSession({**WELL, **AGAIN})
    assert runs.resume(stored, [look, again]) == 0
    assert [run.argv for run in (*look.ran, *again.ran)] == [("true",)]  # under the lock, to see that nobody acts
    old, new = runs.stored(0), runs.stored(1)
    assert (old.verdict, old.touched, old.exit_code) == ("fixed", "yes", 0)
    assert [(step.outcome, step.evidence) for step in old.steps] == [("proven", "nginx is active, unlike before")]
    assert (new.verdict, new.touched) == ("healthy", "no")
    assert new.reason == f"resumes run {stored.id}"
    assert old.report is not None
    report = Report.model_validate_json(old.report)
    assert f"run {new.id} found this host healthy" in problem(report.hosts[0]).message
    assert f"run {old.shown} ended as FIXED" in runs.said
    assert "FIXED" in runs.show(old)
    with pytest.raises(ConfigurationError, match="has ended, as fixed: nothing is left to resume"):
        runs.resume(stored, [])


def test_what_did_not_happen_is_judged_and_done_by_a_new_run(runs: Orphanage) -> None:
    """No limit is in the way: a step that did not run is no fix of a moment ago."""
    stored = runs.orphan(DyingSession(DOWN, AGAIN, sent=False))
    look, again = FactSession(DOWN), FactSession(DOWN, AGAIN)
    assert runs.resume(stored, [look, again]) == 0
    old, new = runs.stored(0), runs.stored(1)
    assert (old.verdict, old.touched) == ("interrupted", "no")
    assert [step.outcome for step in old.steps] == ["not_run"]
    assert "as it was before" in str(old.steps[0].evidence)
    assert (new.verdict, new.touched) == ("fixed", "yes")
    assert [run.argv[1] for run in again.ran] == ["restart"]


def test_what_moved_and_is_not_well_is_unknown_and_left_to_a_person(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN))
    crashed = {**DOWN, NGINX: ex.FAILED.model_copy(update={"invocation": "f" * 32})}
    again = FactSession(crashed, AGAIN)
    assert runs.resume(stored, [FactSession(crashed), again]) == 3
    assert again.ran == []
    old, new = runs.stored(0), runs.stored(1)
    assert (old.verdict, old.touched) == ("unknown", "unknown")
    assert [step.outcome for step in old.steps] == ["unknown"]
    assert new.verdict == "refused"
    assert "cool-down" in runs.said


def test_what_another_run_may_have_done_is_not_claimed(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN, sent=False))
    override = {"cool-down": "the laptop died"}
    told = Told(options=YES.model_copy(update={"overrides": override}))
    assert told.ends == {"web1": ("fixed", "")}
    assert runs.resume(stored, [FactSession({**WELL, **AGAIN}), FactSession({**WELL, **AGAIN})]) == 0
    old, other = runs.stored(0), runs.stored(1)
    assert (old.verdict, [step.outcome for step in old.steps]) == ("unknown", ["unknown"])
    assert f"but since then run {other.shown} acted there" in str(old.steps[0].evidence)


def test_what_cannot_be_read_is_unknown_and_no_secret_of_it_is_kept(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN))
    again = FactSession({**WELL, **AGAIN})
    unread = Unreadable("no answer from postgresql://app:hunter2@db/agency")
    assert runs.resume(stored, [FactSession({**DOWN, NGINX: unread}), again]) == 0
    old = runs.stored(0)
    assert (old.verdict, [step.outcome for step in old.steps]) == ("unknown", ["unknown"])
    assert "no answer from postgresql://" in str(old.steps[0].evidence)
    assert "hunter2" not in f"{old.steps}{old.report}{runs.said}"


def test_while_the_step_still_runs_on_the_host_nothing_else_happens(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN))
    holder = f"me 0\n42 timeout /bin/sh -s {APPLY_TAG} ana@laptop {stored.id} nginx.restart\n"
    busy = FactSession(DOWN, ScriptedEvent.LOCKED, holder=holder)
    assert runs.resume(stored, [busy], json=True) == 3
    document = json.loads(runs.out.getvalue())
    assert (document["schema"], document["exit_code"]) == ("remediate.error/1", 3)
    assert f"stays open: web1: another run is changing this host: ana@laptop, {stored.id}, nginx.restart" in runs.said
    assert (runs.stored(0).unfinished, busy.ran) == (True, [])
    assert runs.resume(stored, [FactSession({**WELL, **AGAIN}), FactSession({**WELL, **AGAIN})]) == 0
    assert runs.stored(0).verdict == "fixed"


def test_a_host_that_cannot_be_reached_leaves_the_run_open(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN))
    assert runs.resume(stored, [FactSession({}, unreachable=UnreachableCode.TIMEOUT)]) == 4
    assert runs.stored(0).unfinished
    gone = FactSession({}, unreachable=UnreachableCode.TIMEOUT)
    assert runs.resume(stored, [FactSession({**WELL, **AGAIN}), gone]) == 4
    assert runs.stored(0).unfinished
    assert [step.outcome for step in runs.stored(0).steps] == ["proven"]


def test_a_process_of_another_machine_needs_a_person(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN), process=replace(here(), host="laptop", boot="another"))
    assert "running now, or its process died on laptop" in runs.list()
    with pytest.raises(ConfigurationError, match="if it has ended, add --yes"):
        runs.resume(stored, [], yes=False)
    assert runs.resume(stored, [FactSession({**WELL, **AGAIN}), FactSession({**WELL, **AGAIN})]) == 0


def test_a_plan_looks_and_changes_nothing(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN, sent=False))
    again = FactSession(DOWN, AGAIN)
    assert runs.resume(stored, [FactSession(DOWN), again], plan=True) == 10
    assert again.ran == []
    assert runs.stored(0).verdict == "interrupted"


def test_while_paused_it_is_found_out_and_nothing_is_changed(runs: Orphanage) -> None:
    stored = runs.orphan(DyingSession(DOWN, AGAIN, sent=False))
    KillSwitch().set(Pause("a migration", "ana", datetime.now(UTC)))
    again = FactSession(DOWN, AGAIN)
    assert runs.resume(stored, [FactSession(DOWN), again]) == 3
    assert again.ran == []
    assert runs.stored(0).verdict == "interrupted"
    assert "a migration" in runs.said


def test_a_run_with_a_secret_can_only_be_ended(runs: Orphanage) -> None:
    secret = SingleRemedy(SetEnv, (("key", "A"), ("value", SecretStr("hunter2"))))
    unset = EnvValue(php="php8.2", path=PATH, user="forge", key="A", value=SecretStr("hunter2"))
    session = DyingSession({**LOOSE, unset: ex.OTHER_VALUE}, {**SET, unset: ex.RIGHT_VALUE})
    stored = runs.orphan(session, which=secret, host=HOST)
    assert stored.given is None
    assert runs.resume(stored, [], json=True) == 7
    assert Report.model_validate_json(runs.out.getvalue()).run == stored.id
    old = runs.stored(0)
    assert (old.verdict, old.touched, [step.outcome for step in old.steps]) == ("unknown", "unknown", ["unknown"])
    assert "the values given to this run are not recorded" in runs.said
    assert "look with remediate triage --host web1" in runs.said
    assert "hunter2" not in str(old.report)


def test_a_run_that_has_ended_is_not_resumed(runs: Orphanage) -> None:
    Told()
    with pytest.raises(ConfigurationError, match="has ended, as fixed"):
        runs.resume(runs.stored(), [])
    with pytest.raises(ConfigurationError, match="which run"):
        runs.resume(replace(runs.stored(), shown=""), [], run=None)
