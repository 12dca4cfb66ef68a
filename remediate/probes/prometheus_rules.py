"""The alert rules that a Prometheus has loaded."""

from typing import Literal
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from typing_extensions import override

from remediate.core.command import Output
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.probes.api import ApiQuestion
from remediate.probes.prometheus import ApiData

Label = tuple[str, str]


class AlertRule(BaseModel):
    """One alert rule that a server has loaded."""

    model_config = ConfigDict(frozen=True)

    name: str
    query: str = Field(description="expression in PromQL; the alert fires for each series that it yields")
    health: str = Field(description="ok, unknown (never evaluated) or err")
    error: str = Field(default="", description="why the last evaluation failed")
    state: str = Field(description="inactive, pending or firing")
    evaluated: AwareDatetime | None = Field(description="when last, by that server's clock; None for never")
    interval: FiniteFloat = Field(description="seconds between two evaluations")
    labels: tuple[Label, ...] = Field(default=(), description="what the rule itself adds to its alerts")


class LoadedRules(Fact):
    """The alert rules that a server has loaded: all of them, or those of one name."""

    rules: tuple[AlertRule, ...]

    @property
    @override
    def ok(self) -> bool | None:
        return all(rule.health == "ok" for rule in self.rules) if self.rules else None

    @override
    def describe(self) -> str:
        return f"{len(self.rules)} alert rules"


class _Rule(ApiData):
    name: str
    query: str
    labels: dict[str, str] = Field(default_factory=dict)
    health: str
    last_error: str = Field(default="", alias="lastError")
    state: str
    evaluated: AwareDatetime = Field(alias="lastEvaluation")


class _Group(ApiData):
    interval: FiniteFloat
    rules: tuple[_Rule, ...]


class _Groups(ApiData):
    groups: tuple[_Group, ...]


class _Rules(ApiData):
    status: Literal["success"]
    data: _Groups


class AlertRules(ApiQuestion[LoadedRules]):
    """Ask for the loaded alert rules, their evaluation and their state.

    Servers from 2.48 on answer with the rules of that name alone. Older ones answer with all rules, and with many rules
    that answer may be too long to be read.
    """

    kind: Literal["prometheus.alert-rules"] = "prometheus.alert-rules"
    alert: str | None = Field(default=None, description="name of the rules; absent = all")

    @override
    def label(self) -> str:
        return "alert rules" if self.alert is None else f"alert rule {self.alert}"

    @override
    def path(self) -> str:
        named = "" if self.alert is None else f"&rule_name%5B%5D={quote(self.alert, safe='')}"
        return f"/api/v1/rules?type=alert{named}"

    @override
    def parse(self, output: Output) -> LoadedRules:
        try:
            groups = _Rules.model_validate(self.document(output)).data.groups
        except ValidationError:
            raise Unreadable(f"{self.label()}: unexpected answer from Prometheus") from None
        return LoadedRules(
            rules=tuple(
                AlertRule(
                    name=rule.name,
                    query=rule.query,
                    health=rule.health,
                    error=rule.last_error,
                    state=rule.state,
                    # The API sends Go's zero time for "never".
                    evaluated=rule.evaluated if rule.evaluated.year > 1 else None,
                    interval=group.interval,
                    labels=tuple(sorted(rule.labels.items())),
                )
                for group in groups
                for rule in group.rules
                if self.alert in {None, rule.name}
            )
        )
