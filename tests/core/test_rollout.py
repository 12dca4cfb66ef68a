"""Batches of a rolling change: their sizes, and how many hosts may fail."""

import pytest
from pydantic import ValidationError

from remediate.core.options import Options
from remediate.core.rollout import batch_size, failures_allowed


@pytest.mark.parametrize(
    ("serial", "total", "sizes"),
    [
        ("1", 100, [1, 1, 1]),
        ("5", 3, [5, 5]),
        ("1,5,20%", 100, [1, 5, 20, 20]),
        ("20%,50%", 10, [2, 5, 5]),
        ("1%", 10, [1, 1]),
        ("100%", 7, [7]),
    ],
)
def test_the_last_size_repeats_and_is_never_nothing(serial: str, total: int, sizes: list[int]) -> None:
    assert [batch_size(serial, batch, total) for batch in range(len(sizes))] == sizes


@pytest.mark.parametrize(
    ("most", "total", "allowed"), [("0", 10, 0), ("0%", 10, 0), ("2", 10, 2), ("25%", 10, 2), ("1%", 10, 0)]
)
def test_a_percentage_of_failures_is_rounded_down(most: str, total: int, allowed: int) -> None:
    assert failures_allowed(most, total) == allowed


@pytest.mark.parametrize("text", ["", "0", "-1", "101%", "0%", "1,", ",1", "a", "1.5", "5 %", "1;2", "٣", "9999999"])
def test_what_is_no_size_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValidationError, match="takes a number of hosts, a percentage, or a list like 1,5,20%"):
        Options(serial=text)


@pytest.mark.parametrize("text", ["", "-1", "101%", "1,2", "a", "٣"])
def test_what_is_no_number_of_failures_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValidationError, match="takes a number of hosts or a percentage, like 2 or 10%"):
        Options(max_fail=text)


def test_blanks_between_sizes_are_left_out() -> None:
    assert Options(serial=" 1, 5 ,20% ", max_fail=" 10% ") == Options(serial="1,5,20%", max_fail="10%")
