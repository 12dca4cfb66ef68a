"""Hosts on paper with a state to look at, and acts that change it."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.testing import PaperHost
from remediate.transport.acted import Acted, ActState
from remediate.transport.script import Act, Fence
from remediate.transport.session import Rounds, ShellRounds
from support.asking import ask

STEP = Run.of("/usr/bin/step", "1", user=ROOT)
SECOND = Run.of("/usr/bin/step", "2", user=ROOT)
STATE = ask("state", seconds=5)
"""The content of the file `state` in the host's home."""


def paper_host(directory: Path, shell: str) -> PaperHost:
    paper = PaperHost(directory, shell=shell)
    (paper.home / "state").write_text("down\n")
    paper.script("state", 'cat "$HOME/state"')
    paper.script("step", 'echo "begin $1" >>"$HOME/log"; echo up >"$HOME/state"; echo "end $1" >>"$HOME/log"')
    return paper


def begin(host: PaperHost, act: Act | None = None, *, owner: tuple[str, ...] = (), seconds: float = 30) -> ShellRounds:
    return host.session().begin((STATE,), act, seconds=seconds, owner=owner)


def acted(host: PaperHost, act: Act, *, owner: tuple[str, ...] = ()) -> Acted:
    """Act, and close the session before the survey."""
    with closing(begin(host, act, owner=owner)) as rounds:
        return rounds.acted()


def act(*steps: Run, fence: str | None = "down\n", wait: float = 0, settle: float = 0) -> Act:
    fences = () if fence is None else (Fence(run=STATE.command(), stdout=fence),)
    return Act(steps=steps or (STEP,), fence=fences, wait=wait, settle=settle)


def state(rounds: Rounds) -> str:
    answer = rounds.next()[STATE]
    assert isinstance(answer, Output)
    return answer.stdout


def steps_run(host: PaperHost) -> list[str]:
    return [call.argv[1] for call in host.calls if call.argv[0] == "step"]


def lock_is_free(host: PaperHost) -> bool:
    return acted(host, act(Run.of("/usr/bin/nothing", user=ROOT), fence=None)).state is ActState.ACTED


def until(what: str, seconds: float = 30) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)
    pytest.fail(f"{what}: not within {seconds} s")
