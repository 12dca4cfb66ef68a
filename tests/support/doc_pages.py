"""The pages of the documentation, and what is typed and tabled on them."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from invoke.parser import Parser

from remediate.cli import namespace

ROOT: Final = Path(__file__).parents[2]
PAGES_OF_IT: Final = tuple(
    path
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
    if path.stem != "printed-runbook"  # somebody ran docs.runbook in this checkout
)
EVERY_PAGE: Final = pytest.mark.parametrize("page", PAGES_OF_IT, ids=lambda page: page.relative_to(ROOT).as_posix())
README: Final = (ROOT / "README.md").read_text()

FENCED = re.compile(r"^```(?P<kind>[a-z]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_COMMAND = re.compile(
    r"(?:\b(?:invoke|remediate|fab) |^)(?P<words>(?:[a-z]+\.[a-z][a-z.-]*[a-z]|sudoers(?= --))(?: .*)?)$"
)


def code(page: Path) -> Iterator[str]:
    """Everything on a page that is typed: the lines of its blocks, and what stands between backticks."""
    text = page.read_text()
    for block in FENCED.finditer(text):
        yield from block["text"].splitlines()
    yield from INLINE.findall(FENCED.sub("", text))


@cache
def tree() -> Parser:
    return Parser(contexts=namespace(ROOT).to_contexts())


TOP: Final = {name.partition(".")[0] for name in namespace(ROOT).task_names}


def typed(line: str) -> list[str] | None:
    """Return the words of a command of ours that a line shows, or None."""
    found = _COMMAND.search(re.split(r"  +|\s*[>#|]|…", line.removeprefix("$ "))[0].rstrip()) or _COMMAND.search(
        re.split(r" {3,}", line)[-1]
    )
    words = shlex.split(found["words"]) if found else []
    return words if words and words[0].partition(".")[0] in TOP else None


def rows(text: str, title: str) -> list[list[str]]:
    """Return the cells of the table whose first column is called that."""
    table = re.search(rf"^\| {re.escape(title)} \|.*\n\|[-|]+\|\n((?:\|.*\|\n?)+)", text, re.MULTILINE)
    assert table is not None, title
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]
