"""A finding of several answers."""

from collections.abc import Iterator

import pytest

from remediate.errors import Unreadable
from remediate.maintenance.partial_finding import Part, readable, together

YES, NO, UNKNOWN = (
    Part(True, "it is"),
    Part(False, "it is not", ("seen",), ("mend it",)),
    Part(None, "who knows", (), ("look",)),
)


@pytest.mark.parametrize(
    ("parts", "ok", "summary", "evidence"),
    [
        ((YES, YES), True, "all well", ("it is",)),
        ((YES, NO, UNKNOWN), False, "it is not", ("it is", "who knows", "seen")),
        ((UNKNOWN, YES), None, "who knows", ("it is",)),
        ((NO, Part(False, "neither")), False, "it is not; neither", ("seen",)),
    ],
)
def test_the_worst_answer_counts(
    parts: tuple[Part, ...], ok: bool | None, summary: str, evidence: tuple[str, ...]
) -> None:
    finding = together(parts, "all well")
    assert (finding.ok, finding.summary, finding.evidence) == (ok, summary, evidence)
    assert finding.advice == tuple(line for part in parts for line in part.advice)


def test_nothing_asked_is_no_yes() -> None:
    with pytest.raises(Unreadable):
        together((), "all well")


def test_what_cannot_be_read_leaves_what_was_found_before() -> None:
    def judge() -> Iterator[Part]:
        yield NO
        raise Unreadable("too long")

    assert readable(judge) == (NO, Part(None, "too long"))
