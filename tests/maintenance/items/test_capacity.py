"""Judgement of capacity: yes, no and cannot know."""

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from remediate.core.command import Output
from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.errors import Unreadable
from remediate.maintenance.item import Finding, Past, Point, Seen
from remediate.maintenance.items.capacity import FULL_AT, Capacity, measured
from remediate.probes.filesystems import DiskSpace, DiskSpaceState, FileSystem

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
HOST = Host(name="web1", ssh=SshTarget(address="web1"), settings=Settings())
ROOM = DiskSpace(limit=95)
SIZE = 1_000_000


def disk(used: float, mount: str = "/", *, inodes: int | None = 5) -> FileSystem:
    left = round(SIZE * (1 - used / 100))
    return FileSystem(
        mount=mount, used_kib=SIZE - left, available_kib=left, percent=math.ceil(used), inodes_percent=inodes
    )


def found(
    *systems: FileSystem, days: int = 1, trouble: str = "", until: int = 0, **past: Callable[[int], float]
) -> Finding:
    """Judge these file systems after so many days of history by name, which ends so many days ago.

    Today's value comes from the systems.
    """
    past = {"inodes": lambda _: 5, **past}
    samples = {
        {"root": "/", "inodes": "/ inodes", "srv": "/srv", "left": "/srv inodes", "passing": "/run/user/7"}[
            name
        ]: tuple(Point(NOW - timedelta(days=until + days - day), value(day)) for day in range(days))
        for name, value in past.items()
    }
    facts = Facts({ROOM: DiskSpaceState(systems=systems, limit=95, trouble=trouble)})
    return Capacity().judge(Seen(host=HOST, facts=facts, now=NOW, past=Past(samples=samples)))


def test_a_disk_that_fills_within_the_time_allowed_is_a_no_with_its_day() -> None:
    seen = found(disk(79), days=30, root=lambda day: 64 + day / 2)
    assert seen.ok is False
    assert seen.summary == "/ reaches 95 % about 2026-12-25 (2026-12-25 at the earliest, 2026-12-25 at the latest)"
    assert seen.evidence[0].startswith("/: 79.0 %; measured on 31 of 31 days: +0.50 points a day (+0.50 to +0.50)")
    assert any("du -xh --max-depth=2 / " in line for line in seen.advice)
    full_at = {sample.name: sample.value for sample in seen.samples}[f"/{FULL_AT}"]
    assert datetime.fromtimestamp(full_at, UTC) == datetime(2026, 12, 25, tzinfo=UTC)
    assert seen.plot[0] == "/"
    assert seen.plot[1].endswith("· if it goes on like this")


def test_one_that_has_room_for_longer_is_a_yes() -> None:
    seen = found(disk(43), days=30, root=lambda day: 40 + day / 10)
    assert seen.ok is True
    assert seen.summary == "no local file system reaches 95 % within 60 days; fullest: /, 43.0 %"
    assert seen.advice == ()


def test_one_that_does_not_grow_is_a_yes_however_full() -> None:
    seen = found(disk(90), days=40, root=lambda day: 90 + (0.1 if day % 2 else 0))
    assert seen.ok is True


@pytest.mark.parametrize("days", [0, 1, 3, 5])
def test_few_days_are_not_enough_to_know(days: int) -> None:
    seen = found(disk(40), days=days, root=lambda day: 40)
    assert seen.ok is None
    assert "cannot know when it will be full" in seen.summary
    assert f"measured on {days + 1} day" in seen.summary
    assert any("maintain.daily" in line for line in seen.advice)
    assert bool(seen.plot) is (days > 1)


def test_what_is_full_now_is_a_no_without_any_history() -> None:
    seen = found(disk(97.5))
    assert (seen.ok, seen.summary) == (False, "/ is full: 97.5 %")
    assert seen.advice[0] == "remediate check.high-load --host web1 says what may go"


def test_inodes_run_out_like_bytes() -> None:
    seen = found(disk(40, inodes=84), days=30, root=lambda day: 40, inodes=lambda day: 54 + day)
    assert seen.ok is False
    assert seen.summary.startswith("/ inodes reaches 95 % about 2026-12-0")
    full = found(disk(40, inodes=99))
    assert (full.ok, full.summary) == (False, "/ inodes is full: 99.0 %")


def test_a_cleanup_does_not_make_a_filling_disk_look_healthy() -> None:
    # Filled for weeks, cleaned up the day before yesterday: all days together would say that it shrinks.
    seen = found(disk(22), days=40, root=lambda day: 50 + day if day < 38 else 20 + day - 38)
    assert seen.ok is None
    assert "since room was made on 2026-11-21" in seen.summary
    later = found(disk(62), days=40, root=lambda day: 80 + day if day < 10 else 30 + day - 10 + 0.0)
    assert later.ok is False
    assert any("room was made on 2026-10-24; counted from there" in line for line in later.evidence)


def test_a_weekly_cleanup_is_well_until_it_does_not_come() -> None:
    usual = found(disk(42), days=71, root=lambda day: 40 + 2 * (day % 7))
    assert usual.ok is True
    missed = found(disk(80), days=83, root=lambda day: 40 + 2 * (day % 7) if day < 63 else 40 + 2.0 * (day - 63))
    assert missed.ok is False
    assert missed.summary.startswith("/ reaches 95 % about 2026-11-30")


def test_what_began_lately_counts_although_the_year_was_quiet() -> None:
    seen = found(disk(60), days=365, root=lambda day: 30 if day < 350 else 30 + 2.0 * (day - 350))
    assert seen.ok is False
    assert any(line.startswith("/, lately; measured on 14 of 14 days") for line in seen.evidence)


def test_growth_that_has_ended_is_no_certain_day() -> None:
    seen = found(disk(80), days=60, root=lambda day: 50 + min(day, 30))
    assert seen.ok is not False


@pytest.mark.parametrize("seed", range(20))
def test_what_only_goes_up_and_down_is_never_a_certain_day(seed: int) -> None:
    noise = random.Random(seed)  # noqa: S311  # nothing secret
    seen = found(disk(70), days=60, root=lambda day: 70 + noise.uniform(-4, 4))
    assert seen.ok is not False


@pytest.mark.parametrize("phase", range(0, 30, 3))
def test_a_season_is_no_certain_day(phase: int) -> None:
    seen = found(
        disk(60 + 12 * math.sin((90 + phase) / 30 * 2 * math.pi)),
        days=90,
        root=lambda day: 60 + 12 * math.sin((day + phase) / 30 * 2 * math.pi),
    )
    assert seen.ok is not False
    assert "explains" in seen.evidence[0]


def test_a_sudden_jump_is_nothing_that_a_line_knows_of() -> None:
    seen = found(disk(80), days=30, root=lambda day: 30 + (day % 3) / 10)
    assert seen.ok is None
    assert seen.summary == "/: 80.0 %, 50 points more than expected: the further growth is unknown"


def test_the_worst_of_several_decides_and_leads() -> None:
    seen = found(disk(79), disk(40, "/srv"), days=30, root=lambda day: 64 + day / 2, srv=lambda day: 40)
    assert seen.ok is False
    assert seen.summary.startswith("/ reaches")
    unknown = found(disk(40), disk(41, "/srv"), days=30, root=lambda day: 40)
    assert unknown.ok is None
    assert unknown.summary.startswith("/srv: 41.0 %, and cannot know")


def test_a_file_system_that_was_there_and_is_not_is_missed_for_a_week() -> None:
    seen = found(disk(40), days=30, root=lambda day: 40, srv=lambda day: 70, left=lambda day: 3)
    assert (seen.ok, seen.summary) == (None, "/srv is not mounted: 70.0 % on 2026-11-22")
    assert seen.summary in seen.evidence
    assert seen.advice == ("mount /srv, or wait a week where it is gone on purpose",)
    assert not any(sample.name.startswith("/srv") for sample in seen.samples)
    assert found(disk(97), days=30, srv=lambda day: 70).ok is False
    forgotten = found(disk(40), days=30, until=7, root=lambda day: 40, srv=lambda day: 70)
    assert (forgotten.ok, "/srv" in forgotten.summary) == (True, False)
    assert found(disk(40), days=30, root=lambda day: 40, passing=lambda day: 70).ok is True


def test_where_df_could_not_tell_of_all_it_is_no_yes() -> None:
    trouble = "df: /srv: Input/output error"
    seen = found(disk(40), days=30, root=lambda day: 40, trouble=trouble)
    assert (seen.ok, seen.summary) == (None, f"some file systems could not be read: {trouble}")
    assert found(disk(97), trouble=trouble).ok is False


def test_a_name_that_a_host_made_up_is_kept_short_and_quoted_where_it_is_typed() -> None:
    hostile = "/" + "x" * 3000 + "; rm -rf $HOME\n"
    seen = found(disk(97, hostile))
    assert seen.ok is False
    assert all(len(sample.name) <= 200 for sample in seen.samples)
    growing = found(disk(79, "/srv"), days=30, srv=lambda day: 64 + day / 2)
    assert growing.advice[0] == "see what grows: du -xh --max-depth=2 /srv | sort -h | tail -20"


def test_every_file_system_is_measured_in_bytes_and_in_inodes() -> None:
    facts = Facts({ROOM: DiskSpaceState(systems=(disk(40), disk(10, "/boot", inodes=None)), limit=95)})
    assert [(each.name, each.value) for each in measured(HOST, facts)] == [
        ("/", pytest.approx(40)),
        ("/ inodes", 5),
        ("/boot", pytest.approx(10)),
    ]


def test_what_cannot_be_read_is_not_judged() -> None:
    facts = Facts.read([ROOM], {ROOM: Output(stdout="", stderr="df: command not found")})
    with pytest.raises(Unreadable, match="command not found"):
        Capacity().judge(Seen(host=HOST, facts=facts, now=NOW))
    assert Capacity().probes(HOST) == (ROOM,)
