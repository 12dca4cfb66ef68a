"""The error reporting of the application: its provider and its key."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.field_types import ClassName, ConfigKey
from remediate.core.probe import Fact
from remediate.probes.php import AppProbe


class TrackingState(Fact):
    """The state of the application's error tracking, without the key itself."""

    provider: Literal["loaded", "deferred", "installed", "missing"] = Field(
        description="whether the client's service provider is at work, or at least there"
    )
    key: bool = Field(description="whether the project's key is set")
    cached: bool = Field(description="whether the configuration is cached: then .env is not read")

    @property
    @override
    def ok(self) -> bool | None:
        return self.provider == "loaded" and self.key

    @override
    def describe(self) -> str:
        return f"provider {self.provider}, key {'set' if self.key else 'not set'}"


class AppErrorTracking(AppProbe[TrackingState]):
    """Ask the application about its error tracking, with the configuration in use.

    Cost: the framework is started once.
    """

    kind: Literal["laravel.error-tracking"] = "laravel.error-tracking"
    subject = "error tracking"
    program = "error_tracking"
    provider: ClassName = Field(description="service provider of the client")
    key: ConfigKey = Field(description="configuration key that holds the project's key")

    @override
    def command(self) -> Run:
        return self.ask(self.provider, self.key)

    @override
    def understand(self, answer: Any) -> TrackingState:
        return TrackingState.model_validate(answer)
