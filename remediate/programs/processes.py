"""Ends processes that were looked at, and no others."""

from collections.abc import Iterable
from typing import Literal

from remediate.core.command import Run
from remediate.programs.run import run_shell


def end_processes(
    identities: Iterable[str], user: str, patience: int, *, left: Literal["wait", "kill", "leave"] = "wait"
) -> Run:
    """Return the command that asks processes to end (TERM, and CONT for what is stopped) and waits `patience` seconds.

    An identity is `pid:start time in clock ticks since boot` (proc(5), field 22 of stat), so that a process id that
    was given to another program meanwhile is left alone. What is `left` then makes it fail, is forced (`kill`), or
    goes on (`leave`): then the next step is taken for those that did end. It runs as `user`, whose processes they
    have to be: the kernel lets it signal no other's.
    """
    given = "".join(f"{each}\n" for each in identities)
    return run_shell("end_processes", str(patience), left, user=user, seconds=patience + 10, stdin=given)
