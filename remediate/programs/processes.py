"""Commands that end processes by their identity: process id and start time."""

from collections.abc import Iterable
from typing import Literal

from remediate.core.command import Run
from remediate.programs.run import run_shell


def end_processes(
    identities: Iterable[str], user: str, patience: int, *, left: Literal["wait", "kill", "leave"] = "wait"
) -> Run:
    """Return the command that asks processes to end and waits up to `patience` seconds.

    Each process gets TERM, and CONT as well, because a stopped process does not react to TERM. An identity is
    `pid:start time in clock ticks since boot` (proc(5), field 22 of stat), so a process that reused the pid is left
    alone. `left` says what happens to processes that are still there afterwards: `wait` makes the command fail, `kill`
    forces them, and `leave` lets the command succeed, so that the next step is taken for those that did end. `user` has
    to be their owner, because the kernel allows signals to its own processes only.
    """
    given = "".join(f"{each}\n" for each in identities)
    return run_shell("end_processes", str(patience), left, user=user, seconds=patience + 10, stdin=given)
