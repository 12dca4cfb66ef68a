"""A maintenance report for people: lines for the terminal, or a Markdown document."""

from collections.abc import Iterator
from typing import Final

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from remediate.incident.timeline import escaped
from remediate.maintenance.item import Result
from remediate.maintenance.report import MaintenanceReport, Subject
from remediate.masking.masker import strip_control
from remediate.report.wrapping import WIDTH, wrap

_MARGIN: Final = 6
_TITLE: Final = 30
_ANSWERS: Final = {True: "yes", False: "NO", None: "?"}
_SHOWN: Final = 8
"""Lines of evidence that a terminal shows; the document has all of them."""


def lines(report: MaintenanceReport) -> Iterator[str]:
    """Yield the report as a terminal shows it."""
    for subject in report.subjects:
        yield from _subject(subject, report)
    said = [f"{report.count(True)} yes", f"{report.count(False)} no", f"{report.count(None)} cannot know"]
    lost = sum(subject.error is not None for subject in report.subjects)
    unreached = f", {lost} {'host' if lost == 1 else 'hosts'} not reached" if lost else ""
    yield f"{', '.join(said)}{unreached} in {report.seconds:g} s"


def _subject(subject: Subject, report: MaintenanceReport) -> Iterator[str]:
    place = f" ({subject.address})" if subject.address not in {"", subject.name} else ""
    when = f"operator {report.operator}   {report.started:%H:%M:%SZ}"
    yield f"{report.occasion.command} on {subject.name}{place}   {when}"
    if subject.error is not None:
        yield from _wrapped(f"{_ANSWERS[None]:<{_MARGIN}}", f"{subject.name} was not reached: {subject.error}")
    for result in subject.results:
        yield from _result(result)


def _result(result: Result) -> Iterator[str]:
    head = f"{_ANSWERS[result.ok]:<{_MARGIN}}{result.title:<{_TITLE}}  "
    yield from _wrapped(head, result.summary)
    for line in result.evidence[:_SHOWN]:
        yield from _wrapped(" " * _MARGIN, line)
    if (rest := len(result.evidence) - _SHOWN) > 0:
        yield f"{' ' * _MARGIN}and {rest} more: --markdown FILE or --json has them"
    for line in result.plot:
        yield f"{' ' * _MARGIN}{_verbatim(line)}"
    for line in result.advice:
        yield from _wrapped(f"{' ' * _MARGIN}do: ", line)
    if result.ok is not True:
        yield f"{' ' * _MARGIN}owner: {result.owner}"


def _wrapped(head: str, text: str) -> Iterator[str]:
    words = " ".join(strip_control(text).split())
    yield from wrap(words, WIDTH, head, " " * len(head)) or [head.rstrip()]


def _verbatim(line: str) -> str:
    """Return a plot's line with its spaces, without anything that could end its code block."""
    return strip_control(line).replace("\n", " ").replace("`", "'").rstrip()


def markdown(report: MaintenanceReport) -> str:
    """Return the report as a document."""
    environment = SandboxedEnvironment(
        loader=PackageLoader("remediate.maintenance"), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    environment.filters.update(cell=lambda text: escaped(" ".join(str(text).split())), verbatim=_verbatim)
    return environment.get_template("maintenance.md.j2").render(report=report, answers=_ANSWERS)
