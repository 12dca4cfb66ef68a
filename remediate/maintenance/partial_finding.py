"""A finding that is a yes only if all of its parts are."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pydantic import AnyHttpUrl

from remediate.errors import Unreadable
from remediate.maintenance.item import Finding


class Part(NamedTuple):
    """One of the answers."""

    ok: bool | None
    says: str
    """One line, understood by itself."""
    evidence: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def readable(judge: Callable[[], Iterable[Part]]) -> tuple[Part, ...]:
    """Judge; what cannot be read is an answer as well, and costs the others nothing."""
    found: list[Part] = []
    try:
        # One by one: what was found out before the answer that cannot be read stays.
        found.extend(judge())
    except Unreadable as why:
        found.append(Part(None, str(why)))
    return tuple(found)


def together(parts: Iterable[Part], yes: str) -> Finding:
    """Put them together: a no outweighs what nobody knows, and that outweighs every yes; `yes` says it when all is.

    Raises Unreadable without any part: nothing asked is no yes.
    """
    parts = tuple(dict.fromkeys(parts))
    if not parts:
        raise Unreadable("nothing was asked")
    answers = {part.ok for part in parts}
    ok = False if False in answers else None if None in answers else True
    worst = () if ok else tuple(part for part in parts if part.ok is ok)
    others = tuple(part.says for part in parts if part not in worst)
    evidence = dict.fromkeys((*others, *(line for part in parts for line in part.evidence)))
    advice = dict.fromkeys(line for part in parts for line in part.advice)
    summary = "; ".join(part.says for part in worst) if worst else yes
    return Finding(ok=ok, summary=summary, evidence=tuple(evidence), advice=tuple(advice))


def linked(finding: Finding, page: AnyHttpUrl | None) -> Finding:
    """Add the page where it is put right, where there is one and something is to be done."""
    if finding.ok or page is None:
        return finding
    return finding.model_copy(update={"advice": (*finding.advice, f"see {page}")})
