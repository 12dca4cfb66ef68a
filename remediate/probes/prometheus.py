"""A Prometheus server's alert rules, their series, and its Alertmanagers.

Its HTTP API is documented under https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from remediate.command import Output
from remediate.errors import Unreadable
from remediate.probe import Fact
from remediate.probes.api import ApiQuestion

Label = tuple[str, str]


class AlertRule(BaseModel):
    """One alert rule as it is loaded."""

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
    def ok(self) -> bool | None:
        """See Fact."""
        return all(rule.health == "ok" for rule in self.rules) if self.rules else None

    def describe(self) -> str:
        """See Fact."""
        return f"{len(self.rules)} alert rules"


class _Data(BaseModel):
    """What is read of an answer; the API adds fields from version to version."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Rule(_Data):
    name: str
    query: str
    labels: dict[str, str] = {}
    health: str
    last_error: str = Field(default="", alias="lastError")
    state: str
    evaluated: AwareDatetime = Field(alias="lastEvaluation")


class _Group(_Data):
    interval: FiniteFloat
    rules: tuple[_Rule, ...]


class _Groups(_Data):
    groups: tuple[_Group, ...]


class _Rules(_Data):
    status: Literal["success"]
    data: _Groups


class AlertRules(ApiQuestion[LoadedRules]):
    """Ask which alert rules are loaded, whether they are evaluated and what came of it.

    Servers from 2.48 on answer with the rules of that name alone, older ones with all of them: of many rules, such
    an answer may be too long to be read.
    """

    kind: Literal["prometheus.alert-rules"] = "prometheus.alert-rules"
    alert: str | None = Field(default=None, description="name of the rules; absent = all")

    def label(self) -> str:
        """See Probe."""
        return "alert rules" if self.alert is None else f"alert rule {self.alert}"

    def path(self) -> str:
        """See ApiQuestion."""
        named = "" if self.alert is None else f"&rule_name%5B%5D={quote(self.alert, safe='')}"
        return f"/api/v1/rules?type=alert{named}"

    def parse(self, output: Output) -> LoadedRules:
        """See Probe."""
        try:
            groups = _Rules.model_validate(self.document(output)).data.groups
        except ValidationError:
            raise Unreadable(f"{self.label()}: Prometheus answered something else than was asked") from None
        return LoadedRules(
            rules=tuple(
                AlertRule(
                    name=rule.name,
                    query=rule.query,
                    health=rule.health,
                    error=rule.last_error,
                    state=rule.state,
                    # Go's zero time is how the API says "never".
                    evaluated=rule.evaluated if rule.evaluated.year > 1 else None,
                    interval=group.interval,
                    labels=tuple(sorted(rule.labels.items())),
                )
                for group in groups
                for rule in group.rules
                if self.alert in {None, rule.name}
            )
        )


class ServerTime(Fact):
    """What time it is for the server."""

    at: AwareDatetime

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return None

    def describe(self) -> str:
        """See Fact."""
        return f"{self.at:%Y-%m-%d %H:%M:%SZ}"


class _Scalar(_Data):
    type: Literal["scalar"] = Field(alias="resultType")
    # The year 3000, as a number that every clock can be: what is beyond is none.
    result: tuple[Annotated[FiniteFloat, Field(ge=0, le=32503680000)], str]


class _ScalarAnswer(_Data):
    status: Literal["success"]
    data: _Scalar


class PrometheusTime(ApiQuestion[ServerTime]):
    """Ask the server for its own time: an evaluation is old or recent by that clock."""

    kind: Literal["prometheus.time"] = "prometheus.time"

    def label(self) -> str:
        """See Probe."""
        return "Prometheus's clock"

    def path(self) -> str:
        """See ApiQuestion."""
        return "/api/v1/query?query=time%28%29"

    def parse(self, output: Output) -> ServerTime:
        """See Probe."""
        try:
            seconds, _ = _ScalarAnswer.model_validate(self.document(output)).data.result
        except ValidationError:
            raise Unreadable(f"{self.label()}: Prometheus answered something else than was asked") from None
        return ServerTime(at=datetime.fromtimestamp(seconds, UTC))


class Alertmanagers(Fact):
    """Where a server sends its alerts; being listed does not mean that somebody answers there."""

    active: tuple[str, ...] = Field(description="address of each")

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return bool(self.active)

    def describe(self) -> str:
        """See Fact."""
        return ", ".join(" ".join(url.split()) for url in self.active) or "nowhere"


class _Alertmanager(_Data):
    url: str


class _Discovered(_Data):
    active: tuple[_Alertmanager, ...] = Field(alias="activeAlertmanagers")


class _AlertmanagersAnswer(_Data):
    status: Literal["success"]
    data: _Discovered


class AlertmanagersOf(ApiQuestion[Alertmanagers]):
    """Ask a server where it sends its alerts."""

    kind: Literal["prometheus.alertmanagers"] = "prometheus.alertmanagers"

    def label(self) -> str:
        """See Probe."""
        return "Prometheus's Alertmanagers"

    def path(self) -> str:
        """See ApiQuestion."""
        return "/api/v1/alertmanagers"

    def parse(self, output: Output) -> Alertmanagers:
        """See Probe."""
        try:
            found = _AlertmanagersAnswer.model_validate(self.document(output)).data.active
        except ValidationError:
            raise Unreadable(f"{self.label()}: Prometheus answered something else than was asked") from None
        return Alertmanagers(active=tuple(each.url for each in found))


class SeriesFound(Fact):
    """The series that a selector finds now, by the thing that they are about."""

    instances: tuple[tuple[str, int], ...] = Field(description="value of the label instance, and how many series")

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return bool(self.instances)

    def describe(self) -> str:
        """See Fact."""
        return f"{sum(count for _, count in self.instances)} series"


class _Metric(_Data):
    instance: str = ""


class _Sample(_Data):
    metric: _Metric
    value: tuple[FiniteFloat, Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]]


class _Vector(_Data):
    type: Literal["vector"] = Field(alias="resultType")
    result: tuple[_Sample, ...]


class _VectorAnswer(_Data):
    status: Literal["success"]
    data: _Vector


class Series(ApiQuestion[SeriesFound]):
    """Ask how many series a selector finds: an alert over a metric that nobody delivers never fires, and never errs."""

    kind: Literal["prometheus.series"] = "prometheus.series"
    vector: str = Field(max_length=1000, description="instant vector in PromQL whose series are counted")

    def label(self) -> str:
        """See Probe."""
        return f"series of {' '.join(self.vector.split())}"

    def path(self) -> str:
        """See ApiQuestion."""
        return f"/api/v1/query?query={quote(f'count by (instance) ({self.vector})', safe='')}"

    def parse(self, output: Output) -> SeriesFound:
        """See Probe."""
        try:
            found = _VectorAnswer.model_validate(self.document(output)).data.result
        except ValidationError:
            raise Unreadable(f"{self.label()}: Prometheus answered something else than was asked") from None
        return SeriesFound(instances=tuple(sorted((each.metric.instance, int(each.value[1])) for each in found)))


class ConfigurationLoaded(Fact):
    """Since when a server works by its configuration: its start, or the last reload."""

    loaded: AwareDatetime

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return None

    def describe(self) -> str:
        """See Fact."""
        return f"loaded {self.loaded:%Y-%m-%d %H:%M:%SZ}"


class _Runtime(_Data):
    loaded: AwareDatetime = Field(alias="lastConfigTime")


class _RuntimeAnswer(_Data):
    status: Literal["success"]
    data: _Runtime


class ConfigurationAge(ApiQuestion[ConfigurationLoaded]):
    """Ask since when the configuration is loaded: for some seconds after that a server has yet to find others.

    Its discovery hands on what it found every five seconds, even of addresses that are written down (measured with
    2.42; `updatert` of discovery.Manager in its source).
    """

    kind: Literal["prometheus.configuration-age"] = "prometheus.configuration-age"

    def label(self) -> str:
        """See Probe."""
        return "Prometheus's configuration"

    def path(self) -> str:
        """See ApiQuestion."""
        return "/api/v1/status/runtimeinfo"

    def parse(self, output: Output) -> ConfigurationLoaded:
        """See Probe."""
        try:
            loaded = _RuntimeAnswer.model_validate(self.document(output)).data.loaded
        except ValidationError:
            raise Unreadable(f"{self.label()}: Prometheus answered something else than was asked") from None
        return ConfigurationLoaded(loaded=loaded)
