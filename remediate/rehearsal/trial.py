"""The matrix: each declared case alone, some in pairs, and the healthy host."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from remediate.rehearsal.case import HOLD_SECONDS, TIMEOUT_SECONDS, Case, Expected, FollowUp
from remediate.rehearsal.faults.fault import Fault


class Pairs(Enum):
    """The cases that are also rehearsed two at a time."""

    NONE = "none"
    SOME = "some"
    ALL = "all"


@dataclass(frozen=True)
class Trial:
    """One host with no, one or several faults, and the expected outcome."""

    name: str
    faults: tuple[Fault, ...]
    expected: Expected
    by: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    hold: float = HOLD_SECONDS
    timeout: float = TIMEOUT_SECONDS
    then: FollowUp | None = None

    @property
    def description(self) -> str:
        """The faults in words."""
        return " and ".join(fault.describe() for fault in self.faults) or "nothing is broken"

    @property
    def disturbed(self) -> frozenset[str]:
        """The names that the faults disturb."""
        return frozenset(name for fault in self.faults for name in fault.disturbs())


def matrix(cases: Sequence[Case], pairs: Pairs) -> tuple[Trial, ...]:
    """Return every trial of a playbook: the healthy host, each case, then pairs.

    Cases that interfere are never paired.
    """
    healthy = Trial("healthy", (), Expected.UNHARMED)
    return (healthy, *(_single(case) for case in cases), *_pairs(cases, pairs))


def _single(case: Case) -> Trial:
    codes = (case.code,) if case.code else ()
    return Trial(case.name, (case.fault,), case.expected, case.by, codes, case.hold, case.timeout, case.then)


def _pairs(cases: Sequence[Case], pairs: Pairs) -> Iterator[Trial]:
    """Yield pairs of a fixable case and a case that disturbs other things.

    SOME takes one case for each disturbed thing. Fixable cases are paired with one another, because two repairs may
    conflict. Every other case is paired with one fixable case, in turn.
    """
    # An unclaimed fault is unsteady, so nothing can be expected of a second fault next to it.
    steady = [case for case in cases if case.expected is not Expected.UNCLAIMED]
    if pairs is Pairs.SOME:
        first = {(case.fault.disturbs(), case.expected, case.code): case for case in reversed(steady)}
        steady = sorted(first.values(), key=cases.index)
    cured = [case for case in steady if case.expected is Expected.FIXED]
    others = [case for case in steady if case.expected is not Expected.FIXED]
    if pairs is not Pairs.NONE:
        yield from (_pair(one, other) for one, other in combinations(cured, 2) if _apart(one, other))
    for turn, other in enumerate(others if cured else ()):
        partners = [case for case in (*cured[turn % len(cured) :], *cured[: turn % len(cured)]) if _apart(case, other)]
        chosen = {Pairs.NONE: [], Pairs.SOME: partners[:1], Pairs.ALL: partners}[pairs]
        yield from (_pair(case, other) for case in chosen)


def _apart(one: Case, other: Case) -> bool:
    """Return whether neither case disturbs what the other disturbs or needs."""
    first, second = set(one.fault.disturbs()), set(other.fault.disturbs())
    return not (first & {*second, *other.needs} or second & {*one.needs})


def _pair(one: Case, other: Case) -> Trial:
    # With a refusal in the pair the host cannot end as fixed.
    expected = Expected.UNCLAIMED if other.expected is Expected.REFUSED else Expected.FIXED
    return Trial(
        name=f"{one.name}+{other.name}",
        faults=(one.fault, other.fault),
        expected=expected,
        by=(*one.by, *other.by) if expected is Expected.FIXED else (),
        codes=tuple(case.code for case in (one, other) if case.code),
        hold=max(one.hold, other.hold),
        timeout=min(one.timeout, other.timeout),
    )
