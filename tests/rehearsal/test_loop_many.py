"""Many trials, several places, and an end before the end."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest

from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.core.playbook import Playbook
from remediate.rehearsal.case import Case, unharmed
from remediate.rehearsal.rehearse import Plan, rehearse
from remediate.rehearsal.trial import Pairs, matrix
from support.rehearsed import CURED, HEALTHY, ODD, FakePlace, toy
from support.toys import report_of


def answer_all(runnable: Playbook, hosts: Sequence[Host], *, options: Options, **_: object) -> Report:
    return report_of(HEALTHY)


def many(count: int) -> tuple[Case, ...]:
    return tuple(unharmed(f"odd-{number}", ODD.fault) for number in range(count))


def test_trials_are_shared_among_places_and_told_as_they_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", answer_all)
    places = [FakePlace("rehearsal-1"), FakePlace("rehearsal-2")]
    told: list[tuple[int, int]] = []
    trials = matrix(many(11), Pairs.NONE)
    report = rehearse(
        Plan(toy, trials, whole=True, journal=tmp_path / "j"),
        places,
        told=lambda number, total, _: told.append((number, total)),
    )
    assert told == [(number, 12) for number in range(1, 13)]
    assert [trial.name for trial in report.trials] == [trial.name for trial in trials]
    assert sum(len(place.left) for place in places) == 12
    assert (report.passed, report.whole, report.stopped, report.playbook) == (True, True, False, "toy")


def test_one_deviation_is_enough_not_to_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", answer_all)
    report = rehearse(Plan(toy, matrix((ODD, CURED), Pairs.NONE), whole=True, journal=tmp_path / "j"), [FakePlace()])
    assert not report.passed
    assert [trial.passed for trial in report.trials] == [True, True, False]


def test_stopped_drops_what_was_cut_short_and_does_not_begin_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stop, place, told = Event(), FakePlace(), list[str]()

    def interrupted(runnable: Playbook, hosts: Sequence[Host], *, options: Options, **_: object) -> Report:
        if len(place.shells) == 3:
            stop.set()
        return report_of(HEALTHY)

    monkeypatch.setattr("remediate.rehearsal.rehearse.run", interrupted)
    report = rehearse(
        Plan(toy, matrix(many(5), Pairs.NONE), whole=True, journal=tmp_path / "j"),
        [place],
        told=lambda _, __, trial: told.append(trial.name),
        stop=stop,
    )
    assert [trial.name for trial in report.trials] == told == ["healthy", "odd-0"]
    assert (report.stopped, report.passed) == (True, False)
    assert len(place.shells) == len(place.left) == 3, "what was broken when it stopped is undone"


def test_nothing_tried_is_nothing_proven(tmp_path: Path) -> None:
    assert not rehearse(Plan(toy, (), whole=True, journal=tmp_path / "j"), [FakePlace()]).passed
