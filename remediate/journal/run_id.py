"""Ids of runs and incidents: created here, shown short, found again by any unique prefix.

An id is a UUIDv7, so ids sort by time. It begins with a clock: for a minute all ids share their first eight digits, and
for seven weeks their first four. So the short form is the beginning of the *last group*, which is random:

    01997c1e-5d2a-7c3b-9a41-7f3a0c9be2d4        shown as 7f3a

`short` shows as much of that group as is unique among the existing ids. `matching` accepts any prefix of that group,
and any prefix of the full id, which the report and the database hold; dashes may be left out. The two never contradict
each other: `short` counts both kinds of prefix when it decides what is unique.
"""

from collections.abc import Iterable, Sequence

from remediate.errors import nearest

SHORTEST = 4
"""The least digits of a short id. Fewer would be ambiguous again within a few runs."""

_UNSEEN = 6
"""The digits of an id that was not compared. Among ten thousand runs one in 1,700 then begins alike."""
_COMPARED = 20
"""The newest ids, among which a mistyped one is looked for."""
_HEX = frozenset("0123456789abcdef")


def new_run_id() -> str:
    """Return a new id in canonical text: 36 characters, lower case, five groups."""
    # Imported here because uuid6 looks up its own version, which costs more than the rest of this module.
    import uuid6

    return str(uuid6.uuid7())


def short(run_id: str, others: Iterable[str]) -> str:
    """Return the short form of an id, which `matching` finds alone among itself and `others`.

    It is at least SHORTEST digits of the last group, more if another id begins or ends alike. Later runs may make it
    ambiguous, as in git. Then `matching` returns all that fit, and the person has to type more digits.
    """
    tail = _tail(run_id)
    rivals = [other for other in others if other != run_id and _answers(other, tail[:SHORTEST])]
    for length in range(SHORTEST, len(tail) + 1):
        rivals = [other for other in rivals if _answers(other, tail[:length])]
        if not rivals:
            return tail[:length]
    return run_id


def unseen(run_id: str) -> str:
    """Return a short form of a new id, which was not compared with the others."""
    return _tail(run_id)[:_UNSEEN]


def matching(prefix: str, ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that a person may mean by `prefix`, in the given order.

    Use it for an id that a person typed. An empty prefix, or one that is not hexadecimal, matches nothing. Upper case
    and dashes are accepted.
    """
    digits = prefix.strip().lower().replace("-", "")
    if not digits or not _HEX.issuperset(digits):
        return ()
    return tuple(one for one in ids if _answers(one, digits))


def similar(prefix: str, ids: Sequence[str]) -> str:
    """Return `did you mean 7f3a? ` for an id that was mistyped. It is empty if no new one is similar."""
    return nearest(prefix.strip().lower(), [short(one, ids) for one in ids[:_COMPARED]])


def _tail(run_id: str) -> str:
    return run_id.rpartition("-")[2]


def _answers(run_id: str, digits: str) -> bool:
    return _tail(run_id).startswith(digits) or run_id.replace("-", "").startswith(digits)
