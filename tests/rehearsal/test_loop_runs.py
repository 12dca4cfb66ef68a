"""The runs of a rehearsal: their window, advice, journal and runbook."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from remediate.core.host import Host
from remediate.core.outcome import Problem, Report
from remediate.engine.fleet import run as real_run
from remediate.errors import UnreachableCode
from remediate.rehearsal.case import cured
from remediate.rehearsal.faults import RootShell
from remediate.rehearsal.rehearse import Plan, rehearse
from remediate.rehearsal.trial import Pairs, matrix
from support.rehearsed import (
    BYSTANDER,
    CURED,
    FLAPPING,
    FURTHER,
    HEALTHY,
    HONEST,
    HOST,
    UNMASKED,
    FakePlace,
    Full,
    Runs,
    toy,
)
from support.scripted import FactSession
from support.shells import FakeShell
from support.toys import report_of


def test_the_window_and_the_deadline_are_those_of_the_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = FakePlace()
    runs = Runs(place, *HONEST["not claimed"][1])
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", runs)
    rehearse(Plan(toy, matrix((FLAPPING,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j"), [place])
    assert [(each.plan, each.hold, each.timeout) for each in runs.options] == [(True, 8, 120), (False, 8, 120)]


def test_advice_is_followed_as_it_is_declared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = FakePlace()
    runs = Runs(place, *HONEST["advice leads to the end"][1], *HONEST["advice leads to a further truth"][1])
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", runs)
    rehearse(Plan(toy, matrix((UNMASKED, FURTHER), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j"), [place])
    assert "systemctl unmask nginx" in place.shells[0].scripts
    assert [each.overrides for each in runs.options] == [{}] * 7 + [{"unit-masked": "it may run"}]


def test_a_run_without_an_outcome_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def several(*_: object, **__: object) -> Report:
        problem = Problem(code="configuration", message="several PHPs may be the site's")
        return report_of(HEALTHY).model_copy(update={"hosts": (), "error": problem})

    monkeypatch.setattr("remediate.rehearsal.rehearse.run", several)
    plan = Plan(toy, matrix((CURED,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j")
    (trial,) = rehearse(plan, [FakePlace()]).trials
    assert trial.deviations == ("StagingError: several PHPs may be the site's",)


def test_real_runs_keep_a_journal_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: Path) -> None:
    given: list[dict[str, object]] = []

    def spied(*arguments: object, **keywords: object) -> Report:
        given.append(keywords)
        gone = FactSession({}, unreachable=UnreachableCode.REFUSED)
        return real_run(*arguments, connect=lambda _: gone, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr("remediate.rehearsal.rehearse.run", spied)
    plan = Plan(toy, matrix((CURED,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "own.sqlite3")
    (trial,) = rehearse(plan, [FakePlace()]).trials
    assert trial.deviations[0].startswith("check says unreachable")
    assert (tmp_path / "own.sqlite3").is_file()
    assert not (tmp_path / "state").exists()
    assert {str(each["operator"]) for each in given} == {"rehearsal"}


def test_the_runbook_is_typed_on_the_same_fault_and_judged_by_the_same_eyes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = FakePlace()
    monkeypatch.setattr("remediate.rehearsal.yardstick.sleep", lambda _: None)
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", Runs(place, *HONEST["mended"][1]))
    plan = Plan(toy, matrix((CURED,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j", yardstick=True)
    (trial,) = rehearse(plan, [place]).trials
    assert trial.deviations == (), "how the runbook fares is no deviation of the playbook"
    assert trial.typed is not None
    assert (trial.typed.claimed, trial.typed.well, trial.typed.harm) == (False, False, ())
    assert place.shells[1].typed == ["systemctl restart everything", "hangs"]
    assert len(place.left) == 2


def test_what_the_runbook_does_to_others_is_harm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Heavy(FakeShell):
        def exec(self, argv: Sequence[str], *, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
            if "restart everything" in argv[-1]:
                self.looks, self.page, self.kept = BYSTANDER, "Welcome\n200", "0 sessions\n3 jobs\n"
            return super().exec(argv, timeout=timeout)

    class Place(FakePlace):
        def fresh(self) -> tuple[Host, RootShell]:
            self.shells.append(Heavy(name=self.name))
            return HOST, self.shells[-1]

    place = Place()
    monkeypatch.setattr("remediate.rehearsal.yardstick.sleep", lambda _: None)
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", Runs(place, *HONEST["mended"][1]))
    case = cured("nginx-full", Full(), "toy.fpm")
    plan = Plan(toy, matrix((case,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j", yardstick=True)
    (trial,) = rehearse(plan, [place]).trials
    assert trial.typed is not None
    assert (trial.typed.well, trial.typed.harm) == (True, ("ssh was started again", "lost: 25 sessions"))
