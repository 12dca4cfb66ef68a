"""The size of the journal, from a staging host and this machine."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.journald import JournalFiles
from support.this_machine import run


def test_the_journal() -> None:
    told = JournalFiles().read(Output(stdout="files 1263915712:71\non /\n", stderr="size 8200\n"))
    assert (told.mount, told.size_kib, told.describe()) == ("/", 8200, "8 MiB")
    assert JournalFiles().read(Output(stdout="none\n")).describe() == "none"
    for output in (
        Output(stdout="files 1:2\non /\n"),
        Output(stderr="size 1\n"),
        Output(stdout="on /\n", stderr="size 1"),
    ):
        with pytest.raises(Unreadable):
            JournalFiles().read(output)


def test_the_journal_of_this_machine_is_told_or_is_none() -> None:
    assert isinstance(JournalFiles().read(run(JournalFiles())).size_kib, int)
