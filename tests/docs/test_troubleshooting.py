"""docs/troubleshooting.md has every exit code and every reason for not getting in."""

from typing import Final

import pytest

from remediate.core.outcome import RunVerdict
from remediate.core.verdict import ENGINE_CODES
from remediate.errors import UnreachableCode
from support.doc_pages import ROOT, rows

PAGE: Final = (ROOT / "docs/troubleshooting.md").read_text()
BEGINNINGS: Final = {int(first): verdicts for first, verdicts, _ in rows(PAGE, "exit code")}


@pytest.mark.parametrize("verdict", RunVerdict)
def test_every_verdict_is_where_the_reader_begins(verdict: RunVerdict) -> None:
    assert f"`{verdict.value}`" in BEGINNINGS[verdict.exit_code]


def test_the_other_exit_codes_are_there_and_no_more() -> None:
    assert BEGINNINGS.keys() == {1, 2, *(verdict.exit_code for verdict in RunVerdict)}


def codes(title: str) -> set[str]:
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return {name.strip("` ") for first, _ in rows(section, "code") for name in first.split(",")}


def test_every_reason_for_not_getting_in_has_its_line() -> None:
    assert codes("Exit 4: unreachable") == {code.value for code in UnreachableCode}


def test_the_refusals_of_the_machinery_exist() -> None:
    assert codes("Exit 3: refused") <= {code.name for code in ENGINE_CODES}
