"""Run ids: ordered, shown short, found by any unique prefix."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.journal.run_id import SHORTEST, matching, new_run_id, short, similar

ids = st.uuids(version=4).map(str)
same_minute = st.integers(min_value=0, max_value=2**76 - 1).map(
    lambda tail: str(uuid.UUID(int=(0x01997C1E5D2A << 80) | tail))
)


def test_a_new_id_is_a_canonical_uuid_of_version_7() -> None:
    made = new_run_id()
    assert str(uuid.UUID(made)) == made
    assert uuid.UUID(made).version == 7


def test_new_ids_sort_by_the_time_they_were_made() -> None:
    made = [new_run_id() for _ in range(1000)]
    assert made == sorted(set(made))


def test_ids_of_the_same_minute_are_shown_different_though_they_begin_alike() -> None:
    made = [new_run_id() for _ in range(50)]
    assert len({one[:8] for one in made}) <= 2
    shown = [short(one, made) for one in made]
    assert len(set(shown)) == 50
    assert all(SHORTEST <= len(one) <= 8 for one in shown)


def test_what_is_shown_is_the_beginning_of_the_last_group() -> None:
    run = "01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4"
    assert short(run, ()) == "7f3a"
    assert short(run, [run]) == "7f3a"
    assert short(run, ["01997c1e-0000-7000-8000-7f3a0fffffff"]) == "7f3a0c"


def test_a_tail_that_looks_like_another_ids_head_is_shown_longer() -> None:
    run = "01997c1e-5d2a-7c3b-9a41-01997c1f0000"
    other = "01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4"
    assert short(run, [other]) == "01997c1f"
    assert matching("01997c1f", [run, other]) == (run,)


def test_ids_with_the_same_tail_are_shown_whole() -> None:
    run, other = (f"01997c1e-5d2a-7c3b-{group}-7f3a0c9be2d4" for group in ("9a41", "9a42"))
    assert short(run, [other]) == run
    assert matching(run, [run, other]) == (run,)


@given(run=st.one_of(ids, same_minute), others=st.lists(st.one_of(ids, same_minute), max_size=30))
def test_what_is_shown_finds_its_run_and_so_does_every_longer_prefix(run: str, others: list[str]) -> None:
    stored = [run, *(other for other in others if other != run)]
    shown = short(run, stored)
    assert matching(shown, stored) == (run,)
    whole = run if "-" in shown else run.rpartition("-")[2]
    assert all(matching(whole[:end], stored) == (run,) for end in range(len(shown), len(whole) + 1))


def test_the_whole_id_is_accepted_in_any_common_spelling() -> None:
    run, other = new_run_id(), new_run_id()
    for typed in (run, run.upper(), run.replace("-", ""), f" {run}\n", run[:-1]):
        assert matching(typed, [other, run]) == (run,)


@pytest.mark.parametrize("typed", ["", " ", "-", "xyz", "7f3a%", "7f3a_", "../7f3a", "\x00", "\uff17f3a"])
def test_what_is_no_prefix_matches_nothing(typed: str) -> None:
    assert matching(typed, ["01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4"]) == ()


def test_an_ambiguous_prefix_matches_all_in_the_order_given() -> None:
    stored = ("01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4", "01997c1e-5d2a-7c3b-9a41-7f3b0c9be2d4")
    assert matching("7f3", stored) == stored
    assert matching("0", reversed(stored)) == stored[::-1]


def test_two_digits_that_were_swapped_are_understood() -> None:
    ids = ("01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4", "01997c1e-5d2a-7c3b-9a41-e0d40c9be2d4")
    assert similar("73fa", ids) == "did you mean 7f3a? "
    assert similar("1111", ids) == ""
