"""Events of an incident, as values.

Events are the truth: each is written once, by whoever did it, and nothing is ever changed or deleted. Runs are among
them without having been written twice: the store turns every run of the journal that belongs to the incident into a
`RunLanded`. What they come to is the `Incident` of `record`.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from remediate.core.field_types import FrozenModel, Identifier
from remediate.core.playbook import Severity
from remediate.incident.vocabulary import Detection, IncidentStatus, Line, Moment, Prose, Situation
from remediate.triage.assessment import Answer


class Declared(FrozenModel):
    """It exists (3.3)."""

    kind: Literal["declared"] = "declared"
    title: Line
    severity: Severity
    severity_reason: Prose = Field(default="", description="what the severity follows from")
    answers: dict[str, Answer] = Field(default={}, description="to the questions of 3.2")
    impact: Prose = Field(default="", description="who or what is affected")
    commander: Line
    detection: Detection = Detection.INTERNAL
    detected_by: Prose = Field(default="", description="which alert, ticket or person")
    first_alert_at: Moment | None = Field(default=None, description="when it was first noticed; never later than this")
    customers: bool = Field(default=True, description="whether customers notice it")
    situations: tuple[Situation, ...] = Field(default=(), description="breach or provider, where that is suspected")
    hosts: tuple[Line, ...] = Field(default=(), description="hosts it is about, as the inventory names them")
    playbook: Line | None = Field(default=None, description="what triage takes it for")
    public_title: Line | None = Field(default=None, description="how the public knows it; null = by its title")
    triaged_at: Moment | None = Field(default=None, description="when the triage that it began with was made")


class Acknowledged(FrozenModel):
    """Somebody claims it (3.1): commands it from now on."""

    kind: Literal["acknowledged"] = "acknowledged"
    commander: Line


class CommandTaken(FrozenModel):
    """Somebody else commands from now on."""

    kind: Literal["commander"] = "commander"
    commander: Line


class SeverityChanged(FrozenModel):
    """It is worse, or not as bad, as was thought."""

    kind: Literal["severity"] = "severity"
    severity: Severity
    reason: Prose = ""


class Contained(FrozenModel):
    """Something was done that stops the harm from spreading (2.2), which is not the fix."""

    kind: Literal["containment"] = "containment"
    action: Prose


class Identified(FrozenModel):
    """The cause is known."""

    kind: Literal["identified"] = "identified"
    cause: Prose


class Updated(FrozenModel):
    """How it stands (5.1), as a person said; what is empty was not said. Whether it was sent, `Messaged` says."""

    kind: Literal["update"] = "update"
    status: IncidentStatus
    state: Prose = Field(default="", description="what is happening")
    actions: Prose = Field(default="", description="what has been done")
    next_steps: Prose = Field(default="", description="what is done next")
    eta: Prose = Field(default="", description="when it is expected to be over")
    impact: Prose = Field(default="", description="who or what is affected, where that has changed")
    public_title: Line | None = Field(default=None, description="how the public knows it, where that has changed")


class SituationFound(FrozenModel):
    """Something was found that makes it others' business (6.1)."""

    kind: Literal["situation"] = "situation"
    situation: Situation
    reason: Prose = ""


class Escalated(FrozenModel):
    """Somebody else was called in (6)."""

    kind: Literal["escalated"] = "escalated"
    situation: Situation | None = Field(default=None, description="which row of the matrix; null = by judgement")
    roles: tuple[Line, ...]
    people: tuple[Line, ...] = ()
    methods: tuple[Line, ...] = ()
    reason: Prose = ""


class Attached(FrozenModel):
    """A run that began without `--incident` belongs to it nevertheless."""

    kind: Literal["attached"] = "attached"
    run: Identifier = Field(description="UUIDv7 of the run")


class Noted(FrozenModel):
    """Anything else worth knowing."""

    kind: Literal["note"] = "note"
    text: Prose


class Announced(FrozenModel):
    """`incident.watch` has said that something is due; it says so once."""

    kind: Literal["announced"] = "announced"
    due: Identifier = Field(description="what was due, as a stable key")
    text: Prose


class Messaged(FrozenModel):
    """A message went into the outbox; what became of it stands there."""

    kind: Literal["message"] = "message"
    message: Identifier = Field(description="UUIDv7 of the message")
    message_kind: Line
    audience: Line
    title: Line
    channels: tuple[Line, ...] = ()


class Confirmed(FrozenModel):
    """What a check said when the incident was to be resolved."""

    playbook: Identifier
    host: Identifier
    verdict: Identifier
    run: Identifier = Field(description="UUIDv7 of the run of the check")
    note: str = ""


class Resolved(FrozenModel):
    """It is over (7.1)."""

    kind: Literal["resolved"] = "resolved"
    summary: Prose = ""
    confirmed: tuple[Confirmed, ...] = ()
    override: Prose = Field(default="", description="why it was resolved although a check did not say so")
    postmortem_at: Moment | None = None


class Reviewed(FrozenModel):
    """The post-mortem was written to a file (7.2)."""

    kind: Literal["postmortem"] = "postmortem"
    path: str
    edited: bool = Field(default=False, description="whether people have written in it")


class RunStep(FrozenModel):
    """What one step of a run came to."""

    host: Identifier
    remedy: Identifier
    title: str
    decision: Identifier
    code: Identifier | None = None
    why: str
    changed: bool = False
    verified: Identifier | None = None
    evidence: str = ""
    seconds: float = 0


class RunLanded(FrozenModel):
    """A run of `fix.*`, `check.*` or `do.*`, read from the journal."""

    kind: Literal["run"] = "run"
    run: Identifier
    shown: Identifier = Field(description="its short id")
    playbook: Identifier
    mode: Literal["fix", "plan"]
    verdict: Identifier | None = Field(default=None, description="null while it is not finished, or its process died")
    exit_code: int | None = None
    touched: Identifier | None = None
    hosts: tuple[Identifier, ...]
    operator: Identifier
    reason: str | None = None
    started: Moment
    seconds: float | None = None
    error: str | None = None
    codes: tuple[Identifier, ...] = Field(default=(), description="why hosts were refused or given up, as stable names")
    serving_again_seconds: float | None = Field(default=None, description="since its start, where it saw that")
    steps: tuple[RunStep, ...] = ()

    @property
    def changes(self) -> tuple[RunStep, ...]:
        """What it changed."""
        return tuple(step for step in self.steps if step.changed)

    @property
    def refusals(self) -> tuple[RunStep, ...]:
        """What it refused to do, a person's steps not among them."""
        return tuple(step for step in self.steps if step.decision == "refuse" and step.code != HUMAN_STEP)

    @property
    def human_steps(self) -> tuple[RunStep, ...]:
        """What it left to a person."""
        return tuple(step for step in self.steps if step.code == HUMAN_STEP)

    @property
    def causes(self) -> tuple[RunStep, ...]:
        """What it found wrong: what it mended, would mend, or refused to."""
        return tuple(step for step in self.steps if step.decision in {"proceed", "refuse"} and step.code not in _BLIND)

    @property
    def fixed(self) -> bool:
        """Whether it changed something and proved that the symptom is gone."""
        return self.verdict == "fixed"

    @property
    def abandoned(self) -> bool:
        """Whether it meant to change something, and nobody knows what became of it; a check leaves nothing behind."""
        return self.verdict is None and self.mode == "fix"

    @property
    def judged(self) -> bool:
        """Whether a symptom was looked at, or meant to be: it is a fix or a check that came to an end."""
        unjudged = {None, "usage", "interrupted"} if self.mode == "plan" else {None, "usage"}
        return not self.playbook.startswith("do.") and self.verdict not in unjudged


HUMAN_STEP: Final = "human-step"
_BLIND: Final = frozenset({"unreadable", "out-of-time", "locked", "consent-missing", "too-many-hosts"})
"""Codes that say nothing about what is wrong with a host."""

Data = Annotated[
    Declared
    | Acknowledged
    | CommandTaken
    | SeverityChanged
    | Contained
    | Identified
    | Updated
    | SituationFound
    | Escalated
    | Attached
    | Noted
    | Announced
    | Messaged
    | Resolved
    | Reviewed
    | RunLanded,
    Field(discriminator="kind"),
]


class Event(FrozenModel):
    """One thing that happened."""

    id: str = Field(description="UUIDv7; of a run: the run's")
    incident: str = Field(description="UUIDv7 of the incident")
    at: Moment
    who: Line
    data: Data

    @property
    def kind(self) -> str:
        """What kind of thing."""
        return self.data.kind
