"""The installer of a container engine names what it cannot do."""

from pathlib import Path

import pytest

from remediate.rehearsal.install import main


def test_a_program_that_it_does_not_know_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["mutt"]) == 2
    said = capsys.readouterr().err
    assert said.endswith("mutt: besides a container engine, it installs ssh\n")
    assert said.count("\n") == 1
