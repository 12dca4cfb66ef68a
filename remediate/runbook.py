"""The runbook as a text, and which of its lines is answered by what: so that none is forgotten, and none invented."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from remediate.errors import ConfigurationError


@dataclass(frozen=True)
class Trace:
    """What answers some lines of the runbook. Made by `traced`."""

    lines: tuple[str, ...]
    by: tuple[str, ...]
    how: str


def traced(*lines: str, by: str | tuple[str, ...], how: str = "") -> Trace:
    """Declare that probes, remedies or commands, by their kinds, answer these lines, word for word.

    `how` says where that is something else than the line's letter, and why.
    """
    return Trace(lines, (by,) if isinstance(by, str) else by, how)


class Line(NamedTuple):
    """One line of the runbook that says something: a command, a comment that is an instruction, a point of a list."""

    section: str
    """Number of its section: 4.1."""
    part: str
    """Heading that it stands under: Symptoms, Diagnosis, Resolution."""
    text: str


class Section(NamedTuple):
    """A numbered section of the runbook, with its lines."""

    number: str
    title: str
    lines: tuple[Line, ...]


_HEADING: Final = re.compile(r"^#{2,3} (?P<number>[0-9]+(?:\.[0-9]+)?)\.? (?P<title>.+)$")
_PART: Final = re.compile(r"^\*\*(?P<part>[^*]+):\*\*$")
_POINT: Final = re.compile(r"^[-*] (?P<text>.+)$")


def sections(text: str, below: str) -> tuple[Section, ...]:
    """Read the subsections of one chapter, for example those below 4: their points, and every line of their code."""
    found: list[Section] = []
    part, code = "", False
    for line in text.splitlines():
        heading = None if code else _HEADING.match(line)
        if heading is not None:
            found.append(Section(heading["number"], heading["title"], ()))
            part = ""
        elif line.startswith("```"):
            code = not code
        elif found and (words := _said(line, code=code)):
            current = found[-1]
            if not code and (named := _PART.match(line)):
                part = named["part"]
            else:
                found[-1] = current._replace(lines=(*current.lines, Line(current.number, part, words)))
    return tuple(each for each in found if each.number.startswith(f"{below}."))


def _said(line: str, *, code: bool) -> str:
    if code:
        return line.strip()
    point = _POINT.match(line)
    return point["text"].strip() if point else line.strip() if _PART.match(line) else ""


class Row(NamedTuple):
    """A line of the runbook with what answers it."""

    line: Line
    by: tuple[str, ...]
    how: str


def covered(chapter: Sequence[Section], traces: Iterable[tuple[str, Trace]], known: Iterable[str]) -> tuple[Row, ...]:
    """Pair every line with what answers it; traces come with the section that they are about.

    Raises ConfigurationError for a line that nothing answers, for a trace of a line that is not there, and for an
    answer that does not exist.
    """
    answers = {(section, line): trace for section, trace in traces for line in trace.lines}
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


def of_section(number: str, *traces: Trace) -> tuple[tuple[str, Trace], ...]:
    """Say which section of the runbook these traces are about."""
    return tuple((number, trace) for trace in traces)
