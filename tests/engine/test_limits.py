"""The limits as pure decisions on a host's past and on the hosts of a run."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.core.verdict import COMMON_CAUSE, COOL_DOWN, HISTORY_UNKNOWN, RECURRING
from remediate.engine.limits import Surveyed, common_causes, history_limit, reached
from remediate.errors import JournalError
from remediate.journal.models import PastFix
from remediate.project.run_limits import RunLimits
from support.nginx_runs import web

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DEFAULT = RunLimits()
OFF = RunLimits(cool_down_minutes=0, recurring_minutes=0, unhealthy_share=1)
RECURS = RunLimits(cool_down_minutes=0)


def fix(ago: float, *, failed: bool = False, took: float = 0) -> PastFix:
    """Return a fix that ended so many minutes ago."""
    ended = NOW - timedelta(minutes=ago)
    began = ended - timedelta(minutes=took)
    return PastFix(run=f"run-{ago:g}", shown=f"{ago:g}", began=began, ended=ended, failed=failed, steps=())


def code(*fixes: PastFix, limits: RunLimits = DEFAULT) -> str | None:
    limit = history_limit(fixes, NOW, limits)
    return limit.code.name if limit else None


@pytest.mark.parametrize(
    ("fixes", "said"),
    [
        ((), None),
        ((fix(9.9),), "cool-down"),
        ((fix(0),), "cool-down"),
        ((fix(-5),), "cool-down"),  # the clock was set back since
        ((fix(10),), None),
        ((fix(9.9, failed=True),), "cool-down"),
        ((fix(15), fix(6)), "recurring"),
        ((fix(15), fix(6, took=1)), "recurring"),
        ((fix(17), fix(6)), "cool-down"),  # the first held for eleven minutes
        ((fix(17, failed=True), fix(6)), "recurring"),  # it held for none: it was not fixed
        ((fix(30), fix(25)), None),  # the last has held for 25 minutes
        ((fix(30), fix(25, failed=True)), "recurring"),
        ((fix(30, failed=True), fix(25, failed=True)), "recurring"),
        ((fix(65), fix(9)), "cool-down"),  # only one is of the last hour
        ((fix(50), fix(15), fix(6)), "recurring"),
    ],
)
def test_what_was_fixed_before_is_left_to_a_person(fixes: tuple[PastFix, ...], said: str | None) -> None:
    assert code(*fixes) == said


def test_a_limit_of_nothing_is_none() -> None:
    assert code(fix(0), fix(0), fix(0), limits=OFF) is None
    assert code(fix(0), limits=RECURS) is None
    assert code(fix(2), fix(1), limits=RECURS) == "recurring"


def test_a_limit_says_which_runs_it_means_and_what_goes_on() -> None:
    def history(*_: object) -> tuple[PastFix, ...]:
        return (fix(15), fix(6))

    (limit,) = reached([web()], [], DEFAULT, history, NOW).values()
    assert limit.code is RECURRING
    assert "run 15 15 min ago and run 6 6 min ago" in limit.why
    assert limit.why.endswith("add --override recurring='why' to go on")


@given(
    st.lists(st.tuples(st.floats(0, 120), st.booleans()), max_size=6),
    st.floats(0, 30),
    st.floats(0, 120),
    st.floats(0, 30),
)
def test_more_time_since_the_last_fix_never_adds_a_limit(
    past: list[tuple[float, bool]], cool_down: float, recurring: float, held: float
) -> None:
    """And a fix that is suppressed now is suppressed at every earlier moment since the last fix."""
    limits = RunLimits(cool_down_minutes=cool_down, recurring_minutes=recurring, held_minutes=held)
    fixes = [fix(ago, failed=failed) for ago, failed in sorted(past, reverse=True)]
    later = [history_limit(fixes, NOW + timedelta(minutes=minutes), limits) for minutes in (0, 1, 5, 30, 300)]
    hit = [limit is not None for limit in later]
    assert hit == sorted(hit, reverse=True)
    assert not hit[-1]


def surveyed(well: str, ill: str, group: str = "web") -> list[Surveyed]:
    names = [(name, True) for name in well.split()] + [(name, False) for name in ill.split()]
    return [Surveyed(web(name, "all", group), fine) for name, fine in names]


@pytest.mark.parametrize(
    ("well", "ill", "shared"),
    [
        ("", "a", ""),  # one host alone shares no cause with another
        ("b", "a", ""),
        ("b c d", "a", ""),
        ("", "a b", "a b"),
        ("c", "a b", "a b"),
        ("c d e f", "a b", ""),  # exactly a third
        ("c d e", "a b", "a b"),
    ],
)
def test_more_than_a_third_of_a_group_may_share_a_cause(well: str, ill: str, shared: str) -> None:
    assert sorted(common_causes(surveyed(well, ill), DEFAULT)) == shared.split()
    assert common_causes(surveyed(well, ill), OFF) == {}


def test_groups_count_each_by_itself() -> None:
    hosts = [*surveyed("c d e f g", "a", "web"), *surveyed("", "x", "db")]
    assert common_causes(hosts, DEFAULT) == {}
    both = Surveyed(web("y", "all", "db", "web"), well=False)
    assert sorted(common_causes([*hosts, both], DEFAULT)) == ["x", "y"]


def test_hosts_of_no_group_but_all_are_one_group_and_hosts_of_none_are_none() -> None:
    ill = [Surveyed(web(name, "all", "ungrouped"), well=False) for name in "ab"]
    assert sorted(common_causes(ill, DEFAULT)) == ["a", "b"]
    assert common_causes([Surveyed(web(name), well=False) for name in "ab"], DEFAULT) == {}


def test_the_strongest_limit_says_all_of_them() -> None:
    hosts = surveyed("", "a b")
    found = reached([each.host for each in hosts], hosts, DEFAULT, lambda *_: (fix(3),), NOW)
    assert {limit.code for limit in found.values()} == {COMMON_CAUSE}
    assert all("2 of the 2 hosts of web" in limit.why and "run 3 changed" in limit.why for limit in found.values())


def test_a_disposable_host_has_no_limits_and_counts_for_no_group() -> None:
    hosts = [Surveyed(web(name, "web", disposable=True), well=False) for name in "ab"]
    assert reached([each.host for each in hosts], hosts, DEFAULT, lambda *_: (fix(0),), NOW) == {}


def test_an_unknown_past_is_not_an_empty_one() -> None:
    def broken(*_: object) -> tuple[PastFix, ...]:
        raise JournalError("the journal x is damaged")

    (limit,) = reached([web()], [], DEFAULT, broken, NOW).values()
    assert limit.code is HISTORY_UNKNOWN
    assert "the journal x is damaged" in limit.why
    assert reached([web()], [], OFF, broken, NOW) == {}


def test_the_past_is_read_as_far_back_as_the_limits_go() -> None:
    asked: list[datetime] = []

    def history(_: object, since: datetime) -> tuple[PastFix, ...]:
        asked.append(since)
        return ()

    reached([web()], [], DEFAULT, history, NOW)
    reached([web()], [], RunLimits(cool_down_minutes=90), history, NOW)
    assert asked == [NOW - timedelta(minutes=60), NOW - timedelta(minutes=90)]
    assert COOL_DOWN.overridable
