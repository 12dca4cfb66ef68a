"""A Prometheus server's clock, its Alertmanagers, its series and its configuration's age.

Its HTTP API is documented under https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from typing_extensions import override

from remediate.core.command import Output
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.probes.api import ApiQuestion


class ApiData(BaseModel):
    """The parts of an answer that are read. The API adds fields from version to version."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ServerTime(Fact):
    """The server's own time."""

    at: AwareDatetime

    @override
    def describe(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%SZ}"


class _Scalar(ApiData):
    type: Literal["scalar"] = Field(alias="resultType")
    # The limit is the year 3000, so that every accepted number is a time that datetime can hold.
    result: tuple[Annotated[FiniteFloat, Field(ge=0, le=32503680000)], str]


class _ScalarAnswer(ApiData):
    status: Literal["success"]
    data: _Scalar


class PrometheusTime(ApiQuestion[ServerTime]):
    """Ask the server for its own time, which decides whether an evaluation is recent."""

    kind: Literal["prometheus.time"] = "prometheus.time"
    subject = "Prometheus's clock"

    @override
    def path(self) -> str:
        return "/api/v1/query?query=time%28%29"

    @override
    def parse(self, output: Output) -> ServerTime:
        try:
            seconds, _ = _ScalarAnswer.model_validate(self.document(output)).data.result
        except ValidationError:
            raise Unreadable(f"{self.label()}: unexpected answer from Prometheus") from None
        return ServerTime(at=datetime.fromtimestamp(seconds, UTC))


class Alertmanagers(Fact):
    """The addresses that a server sends its alerts to, whether or not they answer."""

    active: tuple[str, ...] = Field(description="address of each")

    @property
    @override
    def ok(self) -> bool | None:
        return bool(self.active)

    @override
    def describe(self) -> str:
        return ", ".join(" ".join(url.split()) for url in self.active) or "nowhere"


class _Alertmanager(ApiData):
    url: str


class _Discovered(ApiData):
    active: tuple[_Alertmanager, ...] = Field(alias="activeAlertmanagers")


class _AlertmanagersAnswer(ApiData):
    status: Literal["success"]
    data: _Discovered


class AlertmanagersOf(ApiQuestion[Alertmanagers]):
    """Ask a server which Alertmanagers it sends its alerts to."""

    kind: Literal["prometheus.alertmanagers"] = "prometheus.alertmanagers"
    subject = "Prometheus's Alertmanagers"

    @override
    def path(self) -> str:
        return "/api/v1/alertmanagers"

    @override
    def parse(self, output: Output) -> Alertmanagers:
        try:
            found = _AlertmanagersAnswer.model_validate(self.document(output)).data.active
        except ValidationError:
            raise Unreadable(f"{self.label()}: unexpected answer from Prometheus") from None
        return Alertmanagers(active=tuple(each.url for each in found))


class SeriesFound(Fact):
    """The series that a selector finds now, counted by instance."""

    instances: tuple[tuple[str, int], ...] = Field(description="value of the label instance, and how many series")

    @property
    @override
    def ok(self) -> bool | None:
        return bool(self.instances)

    @override
    def describe(self) -> str:
        return f"{sum(count for _, count in self.instances)} series"


class _Metric(ApiData):
    instance: str = ""


class _Sample(ApiData):
    metric: _Metric
    value: tuple[FiniteFloat, Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]]


class _Vector(ApiData):
    type: Literal["vector"] = Field(alias="resultType")
    result: tuple[_Sample, ...]


class _VectorAnswer(ApiData):
    status: Literal["success"]
    data: _Vector


class Series(ApiQuestion[SeriesFound]):
    """Ask how many series a selector finds.

    An alert on a metric without any series never fires, and never reports an error.
    """

    kind: Literal["prometheus.series"] = "prometheus.series"
    vector: str = Field(max_length=1000, description="instant vector in PromQL whose series are counted")

    @override
    def label(self) -> str:
        return f"series of {' '.join(self.vector.split())}"

    @override
    def path(self) -> str:
        return f"/api/v1/query?query={quote(f'count by (instance) ({self.vector})', safe='')}"

    @override
    def parse(self, output: Output) -> SeriesFound:
        try:
            found = _VectorAnswer.model_validate(self.document(output)).data.result
        except ValidationError:
            raise Unreadable(f"{self.label()}: unexpected answer from Prometheus") from None
        return SeriesFound(instances=tuple(sorted((each.metric.instance, int(each.value[1])) for each in found)))


class ConfigurationLoaded(Fact):
    """The time at which a server loaded its configuration: its start or the last reload."""

    loaded: AwareDatetime

    @override
    def describe(self) -> str:
        return f"loaded {self.loaded:%Y-%m-%d %H:%M:%SZ}"


class _Runtime(ApiData):
    loaded: AwareDatetime = Field(alias="lastConfigTime")


class _RuntimeAnswer(ApiData):
    status: Literal["success"]
    data: _Runtime


class ConfigurationAge(ApiQuestion[ConfigurationLoaded]):
    """Ask when a server loaded its configuration.

    For some seconds after that, it has yet to find other services. Its discovery hands on what it found every five
    seconds, even for static addresses (measured with 2.42; `updatert` of discovery.Manager in its source).
    """

    kind: Literal["prometheus.configuration-age"] = "prometheus.configuration-age"
    subject = "Prometheus's configuration"

    @override
    def path(self) -> str:
        return "/api/v1/status/runtimeinfo"

    @override
    def parse(self, output: Output) -> ConfigurationLoaded:
        try:
            loaded = _RuntimeAnswer.model_validate(self.document(output)).data.loaded
        except ValidationError:
            raise Unreadable(f"{self.label()}: unexpected answer from Prometheus") from None
        return ConfigurationLoaded(loaded=loaded)
