"""The journal's contents as values: runs and intents."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Self

from remediate.journal.process import RunProcess

if TYPE_CHECKING:
    from remediate.core.outcome import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run before it does anything."""

    id: str
    started: datetime
    mode: Literal["fix", "plan"]
    playbook: str
    operator: str
    hosts: tuple[str, ...]
    version: str
    reason: str | None = None
    incident: str | None = None
    process: RunProcess | None = None
    given: str | None = None
    """The playbook's or remedy's own flags as a JSON object, without secrets. None if they cannot be given again."""

    def __post_init__(self) -> None:
        require_zone(self.started)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """The end of a run. `report` is the Report as JSON text, with its secrets masked."""

    verdict: str
    exit_code: int
    touched: str
    finished: datetime
    report: str

    def __post_init__(self) -> None:
        require_zone(self.finished)

    @classmethod
    def of(cls, report: "Report") -> Self:
        """Return the end of a run that ends now with this report."""
        return cls(
            verdict=report.verdict.value if report.verdict else "",
            exit_code=report.exit_code,
            touched=report.touched.value,
            finished=datetime.now(UTC),
            report=report.model_dump_json(by_alias=True),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One step that is about to act on a host.

    `params` (an object) and `commands` (an array) are JSON text like the output of pydantic's `model_dump_json`. So the
    value is frozen throughout, and the reader validates and types it again. Both are kept compact and in ASCII.
    `basis` are digests of the answers that have to change when the step has its effect.
    """

    run: str
    host: str
    position: int
    remedy: str
    params: str
    commands: str
    intended_at: datetime
    basis: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        require_zone(self.intended_at)
        object.__setattr__(self, "params", _compact(self.params, "{"))
        object.__setattr__(self, "commands", _compact(self.commands, "["))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStep:
    """One attempt at a step. Without an outcome it is still running, or its process died."""

    intent: Intent
    finished: datetime | None
    outcome: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line in a list of runs. `shown` is the short id that `Journal.find` accepts."""

    id: str
    shown: str
    started: datetime
    finished: datetime | None
    mode: str
    playbook: str
    operator: str
    incident: str | None
    hosts: tuple[str, ...]
    verdict: str | None
    exit_code: int | None
    touched: str | None
    process: RunProcess | None

    @property
    def unfinished(self) -> bool:
        """True if it never finished: it is running now, or its process died. `liveness` of the process may tell."""
        return self.finished is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun(RunSummary):
    """All records of one run. `report` is the Report as JSON text, None while unfinished."""

    reason: str | None
    version: str
    report: str | None
    given: str | None
    steps: tuple[StoredStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFix:
    """One run that changed a host, or may have changed it."""

    run: str
    shown: str
    began: datetime
    ended: datetime
    """The last moment that the journal knows of its steps on this host."""
    failed: bool
    """True if it is known not to have fixed the host. False if it did, or if that is not known."""
    steps: tuple[tuple[str, str], ...]
    """The kind and the params (JSON) of each remedy that acted."""


def require_zone(moment: datetime) -> None:
    """Raise ValueError for a time without a zone. It would be another time on another machine."""
    if moment.tzinfo is None:
        raise ValueError("a moment in the journal needs a time zone")


def _compact(text: str, opening: str) -> str:
    """Return the same JSON without spaces and in ASCII. Errors of `json` are hidden: they quote the text."""
    try:
        compact = json.dumps(json.loads(text), separators=(",", ":"), allow_nan=False)
    except ValueError:
        compact = ""
    if not compact.startswith(opening):
        raise ValueError("the params of an intent are a JSON object, its commands a JSON array")
    return compact
