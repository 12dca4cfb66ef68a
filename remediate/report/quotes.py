"""Picks log lines of a survey that may explain the symptom to a person."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from remediate.core.outcome import Reading

LOGS: Final = frozenset({"systemd.unit-log", "nginx.log", "laravel.log"})


class Quote(NamedTuple):
    """The last lines of one log that are worth showing."""

    log: str
    lines: Sequence[str]


def quotes(readings: Sequence[Reading]) -> list[Quote]:
    """Return the last lines of each failing thing's log.

    If no log belongs to a failing thing, the end of every other log is returned, in fewer lines.
    """
    ill = [reading.label for reading in readings if reading.ok is False]
    well = {f"log of {reading.label}" for reading in readings if reading.probe == "systemd.unit" and reading.ok}
    logs = _logs(readings)
    culprits = [quote for reading, quote in logs if any(label in reading.label for label in ill)]
    # The log of a healthy unit explains less than the log of a site or of the application.
    telling = [quote for reading, quote in logs if reading.label not in well] or [quote for _, quote in logs]
    shown = [(quote, 6) for quote in culprits] or [(quote, 2) for quote in telling]
    return [quote._replace(lines=quote.lines[-count:]) for quote, count in shown]


def _logs(readings: Sequence[Reading]) -> Collection[tuple[Reading, Quote]]:
    """Return each log once. Two questions may read the same one, each for its own number of lines."""
    logs: dict[str, tuple[Reading, Quote]] = {}
    for reading in readings:
        for quote in _of(reading, readings) if reading.probe in LOGS else ():
            if quote.log not in logs or len(quote.lines) > len(logs[quote.log][1].lines):
                logs[quote.log] = reading, quote
    return logs.values()


def _of(reading: Reading, readings: Sequence[Reading]) -> Iterator[Quote]:
    """Yield the lines of a log. For nginx's error logs, only the site's own are read if known."""
    said = _read(_Said, reading) or _Said()
    if said.lines:
        yield Quote(reading.label, said.lines)
    if reading.probe != "nginx.log":
        return
    sites = (_read(_Named, each) for each in readings if each.probe == "nginx.site")
    named = [path for site in sites if site for path in site.error_logs]
    files = {each.path: each.lines for each in said.files}
    for path in dict.fromkeys(named or files):
        if lines := files.get(path, (f"not read: see `sudo tail -n 20 {shlex.quote(path)}`",)):
            yield Quote(f"{reading.label}, {path}", lines)


T = TypeVar("T", bound=BaseModel)


class _File(BaseModel):
    path: str
    lines: tuple[str, ...]


class _Said(BaseModel):
    lines: tuple[str, ...] = ()
    files: tuple[_File, ...] = ()


class _Named(BaseModel):
    error_logs: tuple[str, ...] = ()


def _read(model: type[T], reading: Reading) -> T | None:
    try:
        return model.model_validate(reading.value)
    except ValidationError:
        return None  # There was no answer, or an older version wrote it.
