"""The targets that the project has set itself, and whether the numbers meet them."""

from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from bench.cases import (
    ANSIBLE,
    APP_DOWN,
    CHECK,
    FABRIC,
    FIX,
    FIX_SSH,
    IMPORT_FABRIC,
    PYINFRA,
    SSH,
    STARTS,
    SURVEY,
    Case,
    Group,
    State,
)
from bench.results import Results, ratio, walls

NEAR = Group((), 0)
FAR = Group((), 0, round_trip=100)
MANY = Group((), 0, hosts=100)
_BROKEN_FAR = Group((), 0, State.STOPPED, 100, serving=True)
_OTHERS = 4
"""Round trips that a fix may take more than a person who knows the cause."""


class Judged(NamedTuple):
    """One target. `value` is None if it was not measured."""

    what: str
    value: float | None
    limit: float
    unit: str = "x"

    @property
    def met(self) -> bool | None:
        """True if the value is within the limit; None if there is no value."""
        return None if self.value is None else self.value <= self.limit


def judged(results: Results) -> Iterator[Judged]:
    """Yield every target with its value."""

    def times(ours: Case, theirs: Case, where: Group) -> float | None:
        found = ratio(walls(results.of(ours, where)), walls(results.of(theirs, where)))
        return found and found.middle

    def middle(case: Case, where: Group) -> float | None:
        values = walls(results.of(case, where)).values()
        return median(values) if values else None

    for theirs, limit in ((SSH, 2.2), (PYINFRA, 0.6), (ANSIBLE, 0.15)):
        yield Judged(f"the same questions, 0 ms, to {theirs.name}", times(CHECK, theirs, NEAR), limit)
    for theirs, limit in ((SSH, 1.3), (PYINFRA, 0.55)):
        yield Judged(f"the same questions, 100 ms, to {theirs.name}", times(CHECK, theirs, FAR), limit)
    for theirs, note in ((SURVEY, ""), (FABRIC, ", which asks less")):
        yield Judged(f"check.app-down, 0 ms, to {theirs.name}{note}", times(APP_DOWN, theirs, NEAR), 1.3)
    by_hand = middle(FIX_SSH, _BROKEN_FAR)
    restart = median(results.restart) if results.restart else 0
    allowed = 0 if by_hand is None else by_hand + _OTHERS * 0.1 + restart
    served = None if by_hand is None else middle(FIX, _BROKEN_FAR)
    yield Judged("served again, 100 ms: ssh, 4 round trips, the restart", served, allowed, "s")
    start = middle(IMPORT_FABRIC, NEAR)
    for case in STARTS[3:]:
        yield Judged(f"{case.name}, to the import of fabric", times(case, IMPORT_FABRIC, NEAR), 1)
    first = [each.first for each in results.of(APP_DOWN, NEAR).values() if each.first is not None]
    yield Judged(
        "first line of check.app-down, to the import of fabric", median(first) / start if first and start else None, 1.5
    )
    yield Judged("the same questions, 100 hosts, to pyinfra", times(CHECK, PYINFRA, MANY), 0.7)
    memory = [each.rss / 1024 for each in results.of(CHECK, MANY).values()]
    yield Judged("memory for 100 hosts", median(memory) if memory else None, 150, "MiB")
    cpu = [each.host_cpu for each in results.of(APP_DOWN, NEAR).values() if each.host_cpu is not None]
    yield Judged("CPU of the host for check.app-down", median(cpu) if cpu else None, 0.2, "s")
