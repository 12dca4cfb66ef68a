"""Regenerates a document and keeps the sections that people wrote.

A document consists of sections. A comment under the heading of each generated section holds its name and a digest of
its text. When a person edits a section, the digest no longer matches. From then on the section is kept byte for byte,
wherever it was moved. Sections that people added stay, and sections that they deleted stay deleted.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

_MARK: Final = re.compile(r"<!-- remediate:(?P<name>[a-z-]+) (?P<digest>[0-9a-f]{16}) -->[ \t]*\r?\n?")
_LIST: Final = re.compile(r"<!-- remediate sections: (?P<names>[a-z, -]*) -->[ \t]*\r?\n?")
_FENCE: Final = re.compile(r" {0,3}(?P<sign>`{3,}|~{3,})")


class DocumentSection(NamedTuple):
    """A generated part of a document: its name, its heading and the text below."""

    name: str
    heading: str
    text: str


class Kept(NamedTuple):
    """A document after an update."""

    text: str
    edited: tuple[str, ...]
    """Sections that were left as they are, because a person edited them."""
    deleted: tuple[str, ...]
    """Sections that were left out, because a person deleted them."""


def written(sections: Sequence[DocumentSection], before: str | None = None) -> Kept:
    """Return the document with these sections; `before` is the file's present text, with people's edits."""
    if before is None or not before.strip():
        return Kept("".join([*map(_marked, sections), _known(sections)]), (), ())
    parts = _split(before)
    generated = {section.name: section for section in sections}
    names = Counter(found["name"] for found in _MARK.finditer(before))
    there: list[str] = []
    edited: list[str] = []
    for part in parts:
        name = _name(part)
        if name is None or name not in generated or names[name] > 1 or not _untouched(part):
            there.append(_LIST.sub("", part))
            if name is not None:
                edited.append(name)
        else:
            there.append(_marked(generated[name]))
    known = {name for found in _LIST.finditer(before) for name in found["names"].split(", ")}
    deleted = [name for name in generated if name not in names and name in known]
    new = [section for section in sections if section.name not in names and section.name not in known]
    return Kept(_joined([*there, *map(_marked, new), _known(sections)]), tuple(dict.fromkeys(edited)), tuple(deleted))


def _joined(parts: Sequence[str]) -> str:
    """Join the parts. Each starts on a new line, even if the one before lacks its newline."""
    text = ""
    for part in parts:
        if text and not text.endswith("\n"):
            text += "\n"
        text += part
    return text


def _marked(section: DocumentSection) -> str:
    body = f"{section.heading}\n\n{section.text.strip()}\n"
    return f"{section.heading}\n<!-- remediate:{section.name} {_digest(body)} -->\n\n{section.text.strip()}\n\n"


def _known(sections: Sequence[DocumentSection]) -> str:
    return f"<!-- remediate sections: {', '.join(section.name for section in sections)} -->\n"


def _name(part: str) -> str | None:
    found = _MARK.search(part)
    return None if found is None else found["name"]


def _untouched(part: str) -> bool:
    marks = list(_MARK.finditer(part))
    return len(marks) == 1 and marks[0]["digest"] == _digest(_LIST.sub("", _MARK.sub("", part)))


def _digest(text: str) -> str:
    """Return the digest of the text. Line endings and empty lines do not count: editors change them."""
    lines = [line.rstrip() for line in text.splitlines()]
    return hashlib.sha256("\n".join(line for line in lines if line).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _split(text: str) -> list[str]:
    """Split the text at headings of the first and second level, except within fenced blocks."""
    parts: list[list[str]] = [[]]
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if mark is not None and not fence:
            fence = mark["sign"]
        elif mark is not None and mark["sign"].startswith(fence) and not line[mark.end() :].strip():
            fence = ""
        elif not fence and re.match(r"#{1,2} ", line):
            parts.append([])
        parts[-1].append(line)
    return ["".join(part) for part in parts if part]
