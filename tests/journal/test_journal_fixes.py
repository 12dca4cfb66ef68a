"""The past in the journal: a host's fixes of the same, and the traces of a dead run."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from remediate.journal.journal import Journal
from remediate.journal.models import PastFix, RunEnd
from remediate.journal.process import RunProcess
from support.journals import NOON, intent, record


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    with Journal.open(url) as opened:
        yield opened


def fixes(journal: Journal, *, minutes: float = 60, host: str = "web1") -> list[PastFix]:
    return list(journal.fixes(host, "app-down", NOON - timedelta(minutes=minutes)))


def test_a_run_that_acted_is_one_fix_with_all_its_steps(journal: Journal) -> None:
    run = record()
    journal.begin(run)
    for position, outcome in enumerate(("not_run", "proven", "unknown")):
        journal.intend(replace(intent(run.id, position), intended_at=NOON + timedelta(seconds=position)))
        journal.conclude(run.id, "web1", position, outcome, "")
    (fix,) = fixes(journal)
    assert (fix.run, fix.began, fix.failed) == (run.id, NOON + timedelta(seconds=1), False)
    assert fix.ended > fix.began
    assert fix.shown == journal.find(run.id).shown
    assert fix.steps == (("nginx.restart", "{}"),) * 2


def test_only_steps_that_may_have_run_on_this_host_since_then_count(journal: Journal) -> None:
    runs = [record() for _ in range(6)]
    for run in runs[:4]:
        journal.begin(run)
    journal.intend(intent(runs[0].id))  # without an outcome: it may have run
    journal.intend(intent(runs[1].id, host="web2"))
    journal.intend(replace(intent(runs[2].id), intended_at=NOON - timedelta(hours=2)))
    journal.intend(intent(runs[3].id))
    journal.conclude(runs[3].id, "web1", 1, "not_run", "")
    journal.begin(replace(runs[4], playbook="cache-down"))
    journal.intend(intent(runs[4].id))
    journal.begin(replace(runs[5], mode="plan"))
    journal.intend(intent(runs[5].id))
    assert [fix.run for fix in fixes(journal)] == [runs[0].id]
    assert [fix.run for fix in fixes(journal, host="web2")] == [runs[1].id]
    assert [fix.run for fix in fixes(journal, minutes=180)] == [runs[0].id, runs[2].id]


def test_other_runs_that_may_have_acted_on_the_host_after_a_step(journal: Journal) -> None:
    runs = [record() for _ in range(5)]
    for run in runs:
        journal.begin(run)
    journal.intend(intent(runs[0].id))
    journal.intend(intent(runs[1].id))
    journal.intend(intent(runs[1].id, 2))
    journal.intend(intent(runs[2].id, host="web2"))
    journal.intend(intent(runs[3].id))
    journal.conclude(runs[3].id, "web1", 1, "not_run", "")
    journal.intend(replace(intent(runs[4].id), intended_at=NOON - timedelta(hours=2)))  # by another clock
    shown = [journal.find(run.id).shown for run in runs]
    assert journal.acted_since(intent(runs[0].id)) == (shown[1], shown[4])
    assert journal.acted_since(intent(runs[1].id)) == (shown[4],)
    assert journal.acted_since(intent(runs[4].id)) == ()


@pytest.mark.parametrize(
    ("outcome", "verdict", "failed"),
    [("proven", "fixed", False), ("proven", "not_fixed", True), ("failed", "mixed", True), ("proven", "mixed", False)],
)
def test_a_fix_that_is_known_not_to_have_held_says_so(
    journal: Journal, outcome: str, verdict: str, failed: bool
) -> None:
    run = record()
    journal.begin(run)
    journal.intend(intent(run.id))
    journal.conclude(run.id, "web1", 1, outcome, "")
    journal.finish(run.id, RunEnd(verdict=verdict, exit_code=5, touched="yes", finished=NOON, report="{}"))
    assert [fix.failed for fix in fixes(journal)] == [failed]


def test_a_run_keeps_what_is_needed_to_go_on_from_it(journal: Journal) -> None:
    process = RunProcess(host="laptop", machine="m", boot="b", namespace="pid:[1]", pid=7, start=42)
    run = replace(record(), process=process, given='{"unit": "nginx"}')
    journal.begin(run)
    journal.intend(replace(intent(run.id), basis=("d1", "d2")))
    stored = journal.find(run.id)
    assert (stored.process, stored.given) == (process, '{"unit": "nginx"}')
    assert stored.steps[0].intent.basis == ("d1", "d2")
    assert [listed.process for listed in journal.runs()] == [process]
    assert [each.basis for each in journal.open_intents()] == [("d1", "d2")]
