"""Shared test values: a remedy, a fact, unit states, a guard, a report."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final, Literal, TextIO

import jsonschema
from pydantic import Field

from remediate.commands.docs.schemas import schema
from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import PhpName
from remediate.core.outcome import HostOutcome, Mode, Report, overall, touched
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy, Step
from remediate.core.verdict import (
    CONFIG_BROKEN,
    CONFIG_UNCHECKED,
    START_LIMIT_HIT,
    UNIT_MASKED,
    UNIT_MISSING,
    RefusalCode,
    Verdict,
    proceed,
    refuse,
    skip,
    wait,
)
from remediate.errors import Unreadable
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import SYSTEMCTL, Unit
from support import examples as ex


class RestartFpm(Remedy):
    """Restart PHP-FPM when it is down and sound.

    It is the smallest remedy that shows all of the engine.
    """

    kind: Literal["toy.fpm"] = "toy.fpm"
    php: PhpName = Field(default="php8.2", description="PHP's name")
    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        UNIT_MISSING,
        UNIT_MASKED,
        START_LIMIT_HIT,
        CONFIG_BROKEN,
        CONFIG_UNCHECKED,
    )

    def title(self) -> str:
        return f"{self.php}-fpm"

    def probes(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.title()), PhpFpmConfig(php=self.php))

    def identity(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.title()),)

    def guard(self, facts: Facts) -> Verdict:
        unit = facts[Unit(name=self.title())]
        if unit.changing:
            return wait(unit.describe())
        if unit.healthy:
            return skip("it is active")
        if unit.missing or unit.masked:
            return refuse(UNIT_MISSING if unit.missing else UNIT_MASKED, unit.describe())
        config = facts[PhpFpmConfig(php=self.php)]
        if config.ok is not True:
            return refuse(CONFIG_BROKEN if config.ok is False else CONFIG_UNCHECKED, config.describe())
        if unit.result == "start-limit-hit":
            return refuse(START_LIMIT_HIT, unit.describe())
        return proceed(unit.describe())

    def apply(self, facts: Facts) -> Iterator[Step]:
        reset, restart = self.changes()
        if facts[Unit(name=self.title())].result == "start-limit-hit":
            yield reset
        yield restart

    def changes(self) -> tuple[Run, ...]:
        unit = f"{self.title()}.service"
        return (
            Run.of(SYSTEMCTL, "reset-failed", unit, user=ROOT, seconds=10),
            Run.of(SYSTEMCTL, "restart", unit, user=ROOT, seconds=100),
        )


class Text(Fact):
    """The printed text, unparsed."""

    text: str

    def describe(self) -> str:
        return self.text


UNITS: Final = {
    "running": ex.RUNNING,
    "failed": ex.FAILED,
    "stopped": ex.STOPPED,
    "auto-restart": ex.FAILED.model_copy(update={"active": "activating", "sub": "auto-restart"}),
    "start-limit": ex.START_LIMIT,
    "masked": ex.MASKED,
    "missing": ex.MISSING,
    "starting": ex.STARTING,
    "stopping": ex.RUNNING.model_copy(update={"active": "deactivating", "sub": "stop-sigterm"}),
    "reloading": ex.RUNNING.model_copy(update={"active": "reloading", "sub": "reload"}),
    "queued": ex.RUNNING.model_copy(update={"job": 12}),
}
"""Every state of a unit that a remedy may meet."""


Known = dict[Probe[Fact], Fact | Unreadable]
"""Facts that a test states."""
LOST: Final = Unreadable("not now")


def decide(remedy: Remedy, given: Mapping[Probe[Fact], Fact | Unreadable]) -> str:
    """Return a guard's refusal code, else its decision, or "unreadable"."""
    try:
        verdict = remedy.guard(Facts(given))
    except Unreadable:
        return "unreadable"
    return verdict.code.name if verdict.code else verdict.decision.value


RUN: Final = "01935a3c-1b7c-7000-8000-7f3a00000000"
"""The run id of reports in tests."""


def report_of(*outcomes: HostOutcome, runnable: str = "app-down", mode: Mode = Mode.FIX) -> Report:
    """Return the report of a run with these outcomes."""
    verdict = overall(outcomes)
    return Report(
        version="0.1.0",
        run=RUN,
        mode=mode,
        playbook=runnable,
        operator="ana@laptop",
        started=datetime(2026, 11, 23, 8, 31, 40, tzinfo=UTC),
        seconds=0,
        verdict=verdict,
        exit_code=verdict.exit_code,
        touched=touched(outcomes),
        hosts=outcomes,
    )


def masked(stream: TextIO) -> MaskedWriter:
    """Return a command's masked output stream, which writes to a test's stream."""
    return MaskedWriter(stream, Masker())


def document(name: str, text: str) -> dict[str, object]:
    """Return the document that `--json` printed, validated against its schema."""
    found: dict[str, object] = json.loads(text)
    jsonschema.validate(found, json.loads(schema(name)))
    assert found["schema"] == f"remediate.{name}/1"
    return found
