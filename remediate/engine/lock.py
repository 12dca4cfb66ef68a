"""The holder of a host's lock, and the rule for overriding it."""

import re
from collections.abc import Set
from typing import Final, NamedTuple

from remediate.core.verdict import LOCKED, LOCKED_BY_OTHERS, Decision, Verdict, refuse
from remediate.masking.masker import strip_control
from remediate.transport.script import APPLY_TAG

_HELD: Final = re.compile(r"held +([0-9]{1,10}) +([0-9]{1,10}) +([^ ]{1,64}) +(.*)")


class LockHolder(NamedTuple):
    """A process that holds the lock."""

    uid: int
    pid: int
    user: str
    argv: str


class LockedByOthers(Verdict):
    """A refusal that a person may override. The lock's holder is neither root nor our login."""

    who: str
    held: str


def lock_refusal(said: str, owner: tuple[str, ...]) -> Verdict:
    """Return the refusal for a held lock.

    `said` is the host's description of the holders. Only a holder that is certainly neither root nor our login can be
    overridden.
    """
    found = [match for line in said.splitlines() if (match := _HELD.fullmatch(line.strip()))]
    holders = [LockHolder(int(each[1]), int(each[2]), each[3], each[4]) for each in found]
    seen = bool(holders) and not re.search(r"^hidden$", said, re.MULTILINE)
    run, holds = _other_run(said, owner, {each.argv for each in holders} if seen else None)
    if holds:
        return refuse(LOCKED, f"another run is changing this host{run}; nothing was changed")
    us = [int(uid) for uid in re.findall(r"^me ([0-9]{1,10})$", said, re.MULTILINE)]
    named = "; ".join(
        f"process {each.pid} of {each.user} ({strip_control(each.argv)[:100]})" for each in dict.fromkeys(holders)
    )
    if not named:
        why = "a process that this login cannot see holds the lock of this host; nothing was changed"
        return refuse(LOCKED, f"{why}; as root, `fuser -v /etc/machine-id` names it")
    why = f"the lock of this host is held by {named}; nothing was changed"
    if run or not (seen and us) or any(each.uid in {0, *us} for each in holders):
        return refuse(LOCKED, why)
    held = "\n".join(line for line in said.splitlines() if line.startswith("held "))
    return LockedByOthers(
        decision=Decision.REFUSE,
        code=LOCKED_BY_OTHERS,
        reason=f"{why}; end it, or add --override locked='why'",
        who=f"the lock is held by {named}",
        held=held,
    )


def _other_run(said: str, owner: tuple[str, ...], holders: Set[str] | None) -> tuple[str, bool]:
    """Return another run on this host, and whether it holds the lock.

    The run is in words, `: ana@laptop, run 0198…, for 42 s`, and empty without one. `holders` are the command lines of
    all who hold it, None if they could not be seen. A run that waits for the lock, or acts inside a container of this
    host, does not hold it.
    """
    own = [word for part in owner for word in part.split()]
    run = ""
    for line in said.splitlines():
        age, _, arguments = line.strip().partition(" ")
        words = arguments.split()
        others = words[words.index(APPLY_TAG) + 1 :] if APPLY_TAG in words else []
        if len(others) == len(owner) and others != own and age.isdigit():
            run = f": {', '.join(others)}, for {age} s"
            if holders is None or arguments.strip() in holders:
                return run, True
    return run, False
