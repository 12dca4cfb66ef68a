"""Ids of runs and incidents: made here, shown short, found again by any unique prefix.

An id is a UUIDv7, so ids sort by time. Its head is a clock: for a minute all ids share their first eight digits, and
for seven weeks their first four. What is shown short is therefore the beginning of its *last group*, which is random:

    01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4        shown as 7f3a

`short` shows as much of that group as is unique among the ids there are, and `matching` accepts any prefix of it, and
any prefix of the whole id too (dashes may be left out), since that is what the report and the database hold. The two
never contradict each other: `short` counts both kinds of prefix when it asks what is unique.
"""

from collections.abc import Iterable

SHORTEST = 4
"""Digits shown at least: fewer would be ambiguous again within a few runs."""

_HEX = frozenset("0123456789abcdef")


def new_run_id() -> str:
    """A new id in canonical text: 36 characters, lower case, five groups."""
    # At the point of use: uuid6 asks importlib.metadata for its own version, which costs more than all else here.
    import uuid6

    return str(uuid6.uuid7())


def short(run_id: str, others: Iterable[str]) -> str:
    """What to show for an id so that `matching` finds it alone among itself and `others`.

    At least SHORTEST digits of the last group, more where another id begins or ends alike. An id shown today may become
    ambiguous by later runs, as in git; then `matching` returns all that fit and more digits have to be typed.
    """
    tail = _tail(run_id)
    rivals = [other for other in others if other != run_id and _answers(other, tail[:SHORTEST])]
    for length in range(SHORTEST, len(tail) + 1):
        rivals = [other for other in rivals if _answers(other, tail[:length])]
        if not rivals:
            return tail[:length]
    return run_id


def matching(prefix: str, ids: Iterable[str]) -> tuple[str, ...]:
    """The ids that a person may have meant by `prefix`, in the order given: use when an id is typed.

    Nothing matches what is empty or not hexadecimal. Upper case and dashes are fine.
    """
    digits = prefix.strip().lower().replace("-", "")
    if not digits or not _HEX.issuperset(digits):
        return ()
    return tuple(one for one in ids if _answers(one, digits))


def _tail(run_id: str) -> str:
    return run_id.rpartition("-")[2]


def _answers(run_id: str, digits: str) -> bool:
    return _tail(run_id).startswith(digits) or run_id.replace("-", "").startswith(digits)
