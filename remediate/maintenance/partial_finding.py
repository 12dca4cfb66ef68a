"""A finding from several parts, which is yes only if all of them are."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pydantic import AnyHttpUrl

from remediate.errors import Unreadable
from remediate.maintenance.item import Finding


class Part(NamedTuple):
    """One part of a finding."""

    ok: bool | None
    says: str
    """One line that is understood without the others."""
    evidence: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def readable(judge: Callable[[], Iterable[Part]]) -> tuple[Part, ...]:
    """Return the parts; an answer that cannot be read becomes a part, too."""
    found: list[Part] = []
    try:
        # `extend` adds the parts one by one, so those before an unreadable answer stay.
        found.extend(judge())
    except Unreadable as why:
        found.append(Part(None, str(why)))
    return tuple(found)


def together(parts: Iterable[Part], yes: str) -> Finding:
    """Combine parts into one finding.

    Any no gives no. Otherwise any unknown gives unknown. Otherwise the answer is yes, with `yes` as the summary.
    Raises Unreadable if there is no part, because asking nothing proves nothing.
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
    """Return the finding with a link to the page, unless the answer is yes."""
    if finding.ok or page is None:
        return finding
    return finding.model_copy(update={"advice": (*finding.advice, f"see {page}")})
