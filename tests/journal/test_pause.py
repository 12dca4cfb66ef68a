"""The file of the kill switch: only its certain absence is no pause."""

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediate.errors import JournalError
from remediate.journal.pause import FILE_NAME, KillSwitch, Pause

WHEN = datetime(2026, 11, 23, 2, 58, tzinfo=UTC)
PAUSE = Pause("a migration", "ana@laptop", WHEN)


def test_without_a_file_nothing_is_paused_and_nothing_is_created(state: Path) -> None:
    assert KillSwitch().read() is None
    assert not state.exists()


def test_a_pause_is_read_as_it_was_written_until_it_is_cleared(state: Path) -> None:
    switch = KillSwitch()
    assert switch.set(PAUSE)
    assert KillSwitch().read() == PAUSE
    assert str(PAUSE) == "everything is paused by ana@laptop since 2026-11-23 02:58:00Z: a migration"
    assert [each.name for each in state.iterdir()] == [FILE_NAME]
    assert state.stat().st_mode & 0o777 == 0o700
    switch.clear()
    assert switch.read() is None
    switch.clear()  # twice is once


def test_a_second_pause_leaves_the_first(state: Path) -> None:
    KillSwitch().set(PAUSE)
    assert not KillSwitch().set(Pause("another", "ben@laptop", WHEN))
    assert KillSwitch().read() == PAUSE


def test_a_share_without_hard_links_can_be_paused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", unsupported)
    assert KillSwitch().set(PAUSE)
    assert KillSwitch().read() == PAUSE
    assert [each.name for each in state.iterdir()] == [FILE_NAME]


def test_of_many_at_once_one_pauses(state: Path) -> None:
    barrier = threading.Barrier(8)

    def pausing(name: str) -> bool:
        barrier.wait()
        return KillSwitch().set(Pause("why", name, WHEN))

    names = [f"operator{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        paused = list(pool.map(pausing, names))
    there = KillSwitch().read()
    assert there is not None
    assert [name for name, done in zip(names, paused, strict=True) if done] == [there.who]


@pytest.mark.parametrize("cut", range(0, 90, 3))
def test_a_half_written_file_pauses(state: Path, cut: int) -> None:
    switch = KillSwitch()
    switch.set(PAUSE)
    whole = switch.path.read_bytes()
    switch.path.write_bytes(whole[: min(cut, len(whole) - 3)])
    there = switch.read()
    assert there is not None
    assert "counts as a pause" in str(there)
    assert switch.set(PAUSE)  # and it can be made a readable one
    assert switch.read() == PAUSE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 16000,
        b'{"who": 1, "since": "x", "why": "y"}',
        b'{"who": "a", "since": "yesterday", "why": "y"}',
        b'{"who": "a", "since": "2026-11-23T02:58:00", "why": "y"}',
        b'{"who": "a", "since": "0001-01-01T00:00:00+14:00", "why": "y"}',
    ],
)
def test_a_file_that_is_no_pause_pauses(state: Path, content: bytes) -> None:
    state.mkdir()
    switch = KillSwitch()
    switch.path.write_bytes(content)
    assert "counts as a pause" in str(switch.read())
    switch.clear()
    assert switch.read() is None


@pytest.mark.parametrize("kind", ["directory", "pipe", "dangling link", "loop"])
def test_what_is_no_file_pauses_and_makes_nobody_wait(state: Path, kind: str) -> None:
    state.mkdir()
    path = state / FILE_NAME
    match kind:
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "dangling link":
            path.symlink_to("nowhere")
        case _:
            path.symlink_to(path)
    assert KillSwitch().read() is not None


def test_what_cannot_be_removed_stays_a_pause(state: Path) -> None:
    (state / FILE_NAME).mkdir(parents=True)
    with pytest.raises(JournalError, match="everything stays paused"):
        KillSwitch().clear()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_pauses(state: Path) -> None:
    state.mkdir()
    (state / FILE_NAME).touch(mode=0)
    assert KillSwitch().read() is not None


def test_a_given_file_whose_directory_is_gone_pauses(tmp_path: Path) -> None:
    """A shared directory that is not mounted says nothing about what is in it."""
    switch = KillSwitch(tmp_path / "share" / "paused")
    assert "does not exist" in str(switch.read())
    with pytest.raises(JournalError, match="cannot be written"):
        switch.set(PAUSE)
    (tmp_path / "share").mkdir()
    assert switch.read() is None


def test_what_a_person_wrote_is_one_line(state: Path) -> None:
    KillSwitch().set(Pause("two\nlines\x1b[0m", "a b\tc", WHEN))
    assert "\n" not in str(KillSwitch().read())
