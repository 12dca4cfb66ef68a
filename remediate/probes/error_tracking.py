"""The error reporting of the application: its provider and its key."""

from typing import Literal

from pydantic import Field, ValidationError
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath, ClassName, ConfigKey, PhpName, UserName
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.php import answered, ask_php


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


class AppErrorTracking(Probe[TrackingState]):
    """Ask the application about its error tracking, with the configuration in use.

    Cost: the framework is started once.
    """

    kind: Literal["laravel.error-tracking"] = "laravel.error-tracking"
    subject = "error tracking"
    php: PhpName = Field(description="PHP's name, for example php8.3")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(description="user the application runs as")
    provider: ClassName = Field(description="service provider of the client")
    key: ConfigKey = Field(description="configuration key that holds the project's key")

    @override
    def command(self) -> Run:
        words = (self.path, self.provider, self.key)
        return ask_php(self.php, "error_tracking", *words, user=self.user, seconds=15)

    @override
    def parse(self, output: Output) -> TrackingState:
        try:
            return TrackingState.model_validate(answered(self.label(), output))
        except ValidationError:
            raise Unreadable(f"{self.label()}: unexpected answer from PHP") from None
