"""The numbers from the samples of a bench, and their page."""

from pathlib import Path

import pytest

from bench import page, plot
from bench.cases import APP_DOWN, CHECK, FIX, FIX_SSH, MANY, PYINFRA, QUESTIONS, SSH, Case, Group, State
from bench.places import Target
from bench.results import Phases, Results, Sample, ratio, spread, trips, walls
from bench.targets import judged

DOCS = Path(__file__).parents[2] / "docs"
NEAR = Group((), 0)


def sample(case: Case, wall: float, number: int = 0, where: Group = NEAR, **changed: object) -> Sample:
    return Sample(
        case=case.name,
        state=where.state,
        round_trip=where.round_trip,
        hosts=where.hosts,
        round=number,
        wall=wall,
        first=None,
        cpu=0.1,
        rss=50 * 1024,
        host_cpu=0.1,
        served=None,
        failed=None,
    ).model_copy(update=changed)


def results(*samples: Sample, busy: float = 0.01) -> Results:
    return Results(
        date="2026-11-30",
        commit="abc1234",
        machine={"processor": "2 x fast"},
        busy=busy,
        versions={"fabric": "fabric 3"},
        samples=samples,
        phases=(Phases(case="ssh", start=0.01, keys=0.02, login=0.03, asking=0.04, ending=0.05),),
        restart=(0.2,),
    )


def value(found: Results, what: str) -> tuple[float | None, float, bool | None]:
    (each,) = (each for each in judged(found) if each.what == what)
    return each.value, each.limit, each.met


def test_a_spread_is_a_median_between_its_quartiles() -> None:
    assert spread([]) is None
    assert spread([3]) == (3, 3, 3)
    assert spread([5, 1, 4, 2, 3]) == (2, 3, 4)


def test_a_ratio_compares_within_each_round() -> None:
    # The second round was ten times as slow for both.
    assert ratio({0: 1, 1: 10, 2: 1}, {0: 2, 1: 20, 2: 2}) == (0.5, 0.5, 0.5)
    assert ratio({0: 1, 1: 3}, {1: 2}) == (1.5, 1.5, 1.5)
    assert ratio({0: 1}, {1: 2}) is None


def test_round_trips_are_what_distance_adds() -> None:
    assert trips([1.0, 1.0, 9.0], [1.7], 0.1) == pytest.approx(7)
    assert trips([], [1.7], 0.1) is None


def test_a_failure_is_no_fast_success() -> None:
    found = results(sample(SSH, 1), sample(SSH, 0.001, 1, failed="exit status 255"))
    assert walls(found.of(SSH, NEAR)) == {0: 1}
    assert found.never_right() == ()
    assert [each.case for each in results(sample(SSH, 0.001, failed="no")).never_right()] == ["ssh"]


def test_only_samples_of_the_same_place_are_compared() -> None:
    far, stopped = Group((), 0, round_trip=100), Group((), 0, State.STOPPED)
    found = results(sample(SSH, 1), sample(SSH, 2, where=far), sample(SSH, 3, where=stopped))
    assert [walls(found.of(SSH, each)) for each in (NEAR, far, stopped)] == [{0: 1}, {0: 2}, {0: 3}]


@pytest.mark.parametrize(("ours", "met"), [(0.5, True), (0.75, False)])
def test_a_target_is_met_up_to_its_limit(ours: float, met: bool) -> None:
    found = results(sample(CHECK, ours), sample(PYINFRA, 1))
    assert value(found, "the same questions, 0 ms, to pyinfra") == (ours, 0.6, met)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {each.met for each in judged(results())} == {None}


def test_a_fix_is_allowed_four_round_trips_and_the_restart() -> None:
    far = Group((), 0, State.STOPPED, 100)
    found = results(sample(FIX_SSH, 9, where=far, served=1.0), sample(FIX, 40, where=far, served=1.5))
    measured, limit, met = value(found, "served again, 100 ms: ssh, 4 round trips, the restart")
    assert (measured, met) == (1.5, True)
    assert limit == pytest.approx(1.6)


def test_the_page_has_every_case_and_no_line_beyond_the_width() -> None:
    text = page.render(results(*(sample(each, 1.5) for each in (*QUESTIONS, *MANY))))
    for case in QUESTIONS:
        assert f"| {case.name} | 1500 (1500-1500) |" in text
    assert max(map(len, text.splitlines())) <= 120
    assert "machine was busy" not in text


def test_the_page_says_that_the_machine_was_busy() -> None:
    text = page.render(results(sample(CHECK, 1), sample(PYINFRA, 4), busy=0.5))
    assert "**The machine was busy: 50 %" in text
    # So no target is met and none is missed.
    assert "| the same questions, 0 ms, to pyinfra | 0.25 x | 0.60 x | cannot know |" in text


def test_the_plot_has_a_bar_for_each_tool() -> None:
    drawn = plot.render(results(sample(SSH, 0.25), sample(APP_DOWN, 0.5)))
    assert drawn.count("<rect") == 3
    assert "250 ms" in drawn
    assert "20 ms round trip" not in drawn


def test_the_words_of_a_target_are_filled_in_and_other_braces_stay() -> None:
    assert Target({"port": "22"}).fill("{port} %{http_code} {}") == "22 %{http_code} {}"


def test_the_committed_page_is_made_of_the_committed_numbers() -> None:
    found = Results.model_validate_json((DOCS / "performance.json").read_text())
    assert (DOCS / "performance.md").read_text() == page.render(found)
    assert (DOCS / "performance.svg").read_text() == plot.render(found)
