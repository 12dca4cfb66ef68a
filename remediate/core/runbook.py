"""The runbook's lines and their answers, each checked against the other."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from remediate.core.field_types import FrozenModel
from remediate.errors import ConfigurationError, one_line


class Trace(FrozenModel):
    """The answer to some lines of the runbook, which are quoted word for word.

    `by` lists the kinds of probes and remedies, commands, settings and documents. `how` explains a difference from the
    letter of the line, and the reason.
    """

    lines: tuple[str, ...]
    by: tuple[str, ...]
    how: str = ""


Traces = Mapping[str, tuple[Trace, ...]]
"""The answers for each section."""
_TRACES: Final[TypeAdapter[Traces]] = TypeAdapter(Traces)


def answered(file: Path) -> Traces:
    """Read the answers from TOML: tables `[["4.1"]]` with `lines`, `by` and `how`. Raises ConfigurationError."""
    try:
        return _TRACES.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {one_line(error, Trace)}") from None
    except ValueError as error:
        raise ConfigurationError(f"{file}: is not valid TOML: {error}") from error


class RunbookLine(NamedTuple):
    """One line of the runbook with an instruction or a fact.

    It is a list item, a table row, or a line of code that contains a word. A line of prose counts only with a number in
    it, which says how often or for which severities; other prose introduces the lines after it.
    """

    section: str
    """The number of its section, or the title if that has no number."""
    part: str
    """The heading above it: Symptoms, Diagnosis, Resolution."""
    text: str
    """Its words, without emphasis outside of code, and with single spaces."""


class RunbookSection(NamedTuple):
    """A section of the runbook, with its lines."""

    number: str
    """Its number, 4.1 or 4, or its title if it has no number."""
    title: str
    lines: tuple[RunbookLine, ...]


_HEADING: Final = re.compile(r"^#{2,3} (?:(?P<number>[0-9]+(?:\.[0-9]+)?)\.? )?(?P<title>.+)$")
_PART: Final = re.compile(r"^\*\*(?P<part>[^*]+):\*\*$")
_POINT: Final = re.compile(r"^\s*(?:[-*]|[0-9]+[.)]) (?P<text>.+)$")
_DIVIDER: Final = re.compile(r"^\|[-:| ]+\|$")


def sections(text: str) -> tuple[RunbookSection, ...]:
    """Return every section, in order. Text before the first section is ignored."""
    found: list[RunbookSection] = []
    part, code, body = "", False, False
    for line in text.splitlines():
        if line.startswith("```"):
            code = not code
        elif not code and (heading := _HEADING.match(line)):
            found.append(RunbookSection(heading["number"] or heading["title"], heading["title"], ()))
            part = ""
        elif not code and (named := _PART.match(line)):
            part = named["part"]
        elif not code and _DIVIDER.match(line):
            body = True
        elif found and (words := _said(line, code=code, body=body)):
            current = found[-1]
            found[-1] = current._replace(lines=(*current.lines, RunbookLine(current.number, part, words)))
        body = body and line.startswith("|")
    return tuple(found)


def _said(line: str, *, code: bool, body: bool) -> str:
    """Return the words of a line, "" if it does not count. `body` is True below the head of a table."""
    words = " ".join(line.split())
    if code:
        return words if re.search(r"\w", words) else ""
    if line.startswith("|"):
        words = words.strip("| ") if body else ""
    elif point := _POINT.match(line):
        words = " ".join(point["text"].split())
    elif not re.search(r"[0-9]", words):
        return ""
    return words.replace("**", "")


class Row(NamedTuple):
    """A line of the runbook with its answer."""

    line: RunbookLine
    by: tuple[str, ...]
    how: str


def covered(chapter: Sequence[RunbookSection], traces: Traces, known: Iterable[str]) -> tuple[Row, ...]:
    """Return every line with its answer.

    Raises ConfigurationError for a line without an answer, a trace of a line that does not exist, a line that is traced
    twice, and an answer that does not exist.
    """
    answers: dict[tuple[str, str], Trace] = {}
    for section, trace in ((section, trace) for section, each in traces.items() for trace in each):
        for text in trace.lines:
            if answers.setdefault((section, text), trace) is not trace:
                raise ConfigurationError(f"runbook {section}: {text!r} is traced twice")
    names = frozenset(known)
    lines = [line for section in chapter for line in section.lines]
    there = {(line.section, line.text) for line in lines}
    for section, text in answers:
        if (section, text) not in there:
            raise ConfigurationError(f"runbook {section} has no line {text!r}")
    for trace in answers.values():
        for name in trace.by:
            if name not in names:
                raise ConfigurationError(f"runbook: {trace.lines[0]!r} is said to be answered by {name}, which is none")
    missing = [line for line in lines if (line.section, line.text) not in answers]
    if missing:
        told = "; ".join(f"{line.section} {line.text!r}" for line in missing[:5])
        raise ConfigurationError(f"{len(missing)} lines of the runbook are answered by nothing: {told}")
    paired = ((line, answers[line.section, line.text]) for line in lines)
    return tuple(Row(line, trace.by, trace.how) for line, trace in paired)
