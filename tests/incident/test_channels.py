"""Channels of our own: a file without repetitions, and an intact terminal."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from remediate.incident.channels import FileChannel, NotSent, TerminalChannel
from remediate.incident.file_lock import locked
from support.toy_messages import ALL, message

# -- the file ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "messages.txt"


@pytest.fixture
def file(path: Path) -> FileChannel:
    return FileChannel("file", ALL, path)


def test_a_file_reads_well(file: FileChannel, path: Path) -> None:
    one, two = message(), message("Two", "")
    assert file.send(one, again=False) == str(path)
    file.send(two, again=False)
    assert path.read_text() == (
        "2026-11-23 12:00:00Z  status, public\n"
        "    [Investigating] Payments fail\n"
        "    We look.\n"
        "    Soon more.\n"
        f"-- {one.id}\n"
        "2026-11-23 12:00:00Z  status, public\n"
        "    Two\n"
        f"-- {two.id}\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_message_stands_in_it_once(file: FileChannel, path: Path) -> None:
    one = message()
    file.send(one, again=False)
    before = path.read_bytes()
    assert file.send(one, again=True).endswith("written before")
    assert file.send(one, again=False).endswith("written before")
    assert path.read_bytes() == before


def test_no_text_passes_for_the_end_of_another_message(file: FileChannel, path: Path) -> None:
    victim = message("the victim")
    file.send(message(body=f"-- {victim.id}\n\n-- {victim.id}"), again=False)
    file.send(victim, again=False)
    assert path.read_text().count(f"\n-- {victim.id}\n") == 1
    assert "    the victim\n" in path.read_text()


def test_a_message_that_was_cut_off_is_written_again(file: FileChannel, path: Path) -> None:
    one = message()
    file.send(one, again=False)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        file.send(one, again=True)
        text = path.read_bytes()
        assert text.startswith(whole[:length])
        assert text.endswith(whole)
        assert text.splitlines().count(f"-- {one.id}".encode()) <= 1 + (length == len(whole) - 1)


def test_threads_do_not_mix_their_lines(file: FileChannel, path: Path) -> None:
    told = [message(f"number {number}", "x\n" * 50) for number in range(8)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda each: file.send(each, again=False), told * 2))
    blocks = path.read_text().split("2026-11-23 12:00:00Z  status, public\n")[1:]
    assert len(blocks) == len(told)
    assert all(block.count("    x\n") == 50 for block in blocks)


def test_a_file_that_cannot_be_written_is_told(path: Path) -> None:
    path.parent.write_text("not a directory")
    with pytest.raises(NotSent, match=r"messages\.txt: .*(Not a directory|File exists)") as error:
        FileChannel("file", ALL, path).send(message(), again=False)
    assert not error.value.unsure
    assert not error.value.final


def test_another_writer_is_waited_for_but_not_for_ever(
    file: FileChannel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remediate.incident.file_lock.PATIENCE", 0.1)
    path.parent.mkdir()
    with locked(path, os.O_RDWR | os.O_CREAT), pytest.raises(NotSent, match="another process is writing it"):
        file.send(message(), again=False)
    file.send(message(), again=False)


# -- the terminal ------------------------------------------------------------------------------------------------------


class Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_a_repetition_on_a_terminal_says_so() -> None:
    screen, one = Screen(), message()
    channel = TerminalChannel("terminal", ALL, screen)
    channel.send(one, again=False)
    assert screen.lines == ["[Investigating] Payments fail", "We look.", "Soon more."]
    channel.send(one, again=True)
    assert screen.lines[-1] == (
        f"(This may have been sent before: what was sent twice has the reference {one.reference} twice.)"
    )
