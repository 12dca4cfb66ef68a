"""Processes that are found again: alive, dead, or not to be known from here."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from remediate.journal import process as module
from remediate.journal.process import Liveness, RunProcess, liveness

OWN = """
import json, sys
from dataclasses import asdict
from remediate.journal.process import RunProcess
print(json.dumps(asdict(RunProcess.current())), flush=True)
sys.stdin.read()
"""


def current() -> RunProcess:
    found = RunProcess.current()
    assert found is not None
    return found


def test_this_process_is_alive_and_a_later_one_of_its_number_is_another() -> None:
    here = current()
    assert liveness(here) is Liveness.ALIVE
    assert liveness(replace(here, start=here.start - 1)) is Liveness.DEAD


def test_a_killed_process_is_dead_even_before_its_parent_has_seen_it() -> None:
    child = subprocess.Popen((sys.executable, "-c", OWN), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        other = RunProcess(**json.loads(child.stdout.readline()))
        assert liveness(other) is Liveness.ALIVE
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie now
        assert liveness(other) is Liveness.DEAD
        child.wait()
    assert liveness(other) is Liveness.DEAD


@pytest.mark.parametrize(
    ("change", "known"),
    [
        ({"boot": "another"}, Liveness.DEAD),  # this machine was started again since
        ({"boot": "another", "host": "laptop"}, Liveness.UNKNOWN),
        ({"boot": "another", "machine": "another"}, Liveness.UNKNOWN),
        ({"namespace": "pid:[1]"}, Liveness.UNKNOWN),  # in another container its number means nothing here
        ({"pid": 2**40}, Liveness.DEAD),
    ],
)
def test_what_this_machine_can_tell(change: dict[str, object], known: Liveness) -> None:
    here = replace(current(), machine="m")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_machine", lambda: "m")
        assert liveness(replace(here, **change)) is known  # type: ignore[arg-type]


def test_without_a_machine_id_an_earlier_boot_may_be_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_machine", lambda: "")
    assert liveness(replace(current(), boot="another")) is Liveness.UNKNOWN


def test_a_process_that_was_not_recorded_is_unknown() -> None:
    assert liveness(None) is Liveness.UNKNOWN


def test_without_proc_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = current()
    monkeypatch.setattr(module, "_PROC", tmp_path)
    assert RunProcess.current() is None
    assert liveness(here) is Liveness.UNKNOWN


def test_a_process_that_proc_hides_is_not_called_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    here, read = current(), module._stat
    monkeypatch.setattr(module, "_stat", lambda pid: read(pid) if pid == os.getpid() else read(2**30))

    def kill(pid: int, _: int) -> None:
        raise PermissionError(pid)

    monkeypatch.setattr(os, "kill", kill)
    assert liveness(replace(here, pid=here.pid + 1)) is Liveness.UNKNOWN
