"""The source of an application's configuration, and its agreement with the files."""

import json
import re
from base64 import b64encode
from enum import Enum
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath, EnvKey, PhpName, UserName
from remediate.core.probe import Fact, Probe, T_co, last_line
from remediate.errors import Unreadable
from remediate.probes.php import answered, ask_php


class EnvState(Enum):
    """Whether an application could be started with its .env and config files as they are."""

    SOUND = "sound"
    MISSING = "missing"
    BROKEN = "broken"
    UNUSABLE = "unusable"


class ConfigurationState(Fact):
    """The configuration in use beside what .env and config/*.php would give now: names only, never values."""

    cached: bool = Field(description="whether artisan config:cache was run: then .env is not read")
    env: EnvState
    message: str = Field(description="what is wrong with .env or the config files, without a value")
    differs: tuple[str, ...] = Field(description="keys of the cached configuration that would be another now")
    external: tuple[str, ...] = Field(description="keys of .env that a pool or a running worker is given otherwise")

    @property
    def sound(self) -> bool:
        """Whether the configuration could be built anew."""
        return self.env is EnvState.SOUND

    @property
    @override
    def ok(self) -> bool | None:
        return self.sound and not self.differs

    def about(self, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the keys that differ and lie below one of these; all of them when none is named."""
        return tuple(
            key for key in self.differs if not prefixes or any(key == p or key.startswith(f"{p}.") for p in prefixes)
        )

    @override
    def describe(self) -> str:
        if not self.sound:
            return self.message
        if not self.cached:
            return "not cached: .env is read at every start"
        return f"cached, and not what .env gives: {named(self.differs)}" if self.differs else "cached, as .env gives it"


def named(keys: tuple[str, ...], most: int = 3) -> str:
    """Name the first few of many keys."""
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return f"{', '.join(keys[:most])}{more}"


class _OfApplication(Probe[T_co]):
    """A question about the files of one application, asked as the user that they belong to."""

    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(description="user the application runs as")


class Configuration(_OfApplication[ConfigurationState]):
    """Compare the cached configuration with what .env and config/*.php would give now, key by key.

    An edit of .env has no effect while the configuration is cached, and `config:cache` with a broken .env takes the
    application down: this tells both beforehand. Cost: the framework is started once.
    """

    kind: Literal["laravel.configuration"] = "laravel.configuration"
    php: PhpName = Field(description="PHP's name, for example php8.3")

    @override
    def label(self) -> str:
        return "configuration"

    @override
    def command(self) -> Run:
        return ask_php(self.php, "configuration", self.path, user=self.user, seconds=15)

    @override
    def parse(self, output: Output) -> ConfigurationState:
        try:
            return ConfigurationState.model_validate(answered(self.label(), output))
        except ValidationError:
            raise Unreadable(f"{self.label()}: PHP answered something else than was asked") from None


class FileState(Fact):
    """Which file it is now; never what is in it."""

    mark: str = Field(description="changes with the file, empty when there is none", repr=False)
    written: float | None = Field(default=None, description="when, in seconds of the host's own calendar, if asked for")

    @property
    @override
    def ok(self) -> bool | None:
        return None

    @override
    def describe(self) -> str:
        return "there" if self.mark else "missing"


class EnvFile(_OfApplication[FileState]):
    """Take the fingerprint of .env, so that nothing is done to another one than was looked at."""

    kind: Literal["laravel.env-file"] = "laravel.env-file"

    @override
    def label(self) -> str:
        return f"{self.path}/.env"

    @override
    def command(self) -> Run:
        return Run.of("/usr/bin/sha256sum", "--", user=self.user, seconds=5).helped("file-digest", f"{self.path}/.env")

    @override
    def parse(self, output: Output) -> FileState:
        found = re.match(r"\\?([0-9a-f]{64}) ", output.stdout) if output.exit == 0 else None
        if found is None and "No such file" not in output.stderr:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        return FileState(mark=found[1] if found else "")


class CachedConfig(_OfApplication[FileState]):
    """Tell one built configuration cache from the next: its inode, size and time of writing."""

    kind: Literal["laravel.cached-config"] = "laravel.cached-config"

    @override
    def label(self) -> str:
        return f"{self.path}/bootstrap/cache/config.php"

    @override
    def command(self) -> Run:
        words = ("/usr/bin/stat", "--printf=%i %s %.9Y", "--")
        return Run.of(*words, user=self.user, seconds=5).helped("file-stamp", self.label())

    @override
    def parse(self, output: Output) -> FileState:
        if output.exit != 0 and "No such file" not in output.stderr:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        if output.exit != 0:
            return FileState(mark="")
        found = re.fullmatch(r"[0-9]+ [0-9]+ ([0-9]{1,15}\.[0-9]{1,9})", output.stdout)
        if found is None:
            raise Unreadable(f"{self.label()}: stat answered something else than was asked")
        return FileState(mark=output.stdout, written=float(found[1]))


class ValueState(Fact):
    """How a key of .env compares with a value that is not said."""

    state: Literal["same", "differs", "unset", "broken"]

    @property
    @override
    def ok(self) -> bool | None:
        return self.state == "same"

    @override
    def describe(self) -> str:
        return {
            "same": "is what it should be",
            "differs": "is another value",
            "unset": "is not set",
            "broken": "cannot be read: .env cannot be parsed",
        }[self.state]


class EnvValue(_OfApplication[ValueState]):
    """Compare a key of .env, as the application's own parser reads it, with a value; neither is ever shown."""

    kind: Literal["laravel.env-value"] = "laravel.env-value"
    php: PhpName = Field(description="PHP's name, for example php8.3")
    key: EnvKey = Field(description="key of .env")
    value: SecretStr = Field(description="value to compare with")

    @override
    def label(self) -> str:
        return f"{self.key} of .env"

    @override
    def command(self) -> Run:
        text = self.value.get_secret_value().encode(errors="surrogateescape")
        given = json.dumps({"key": self.key, "value": b64encode(text).decode()})
        return ask_php(self.php, "env_value", self.path, user=self.user, seconds=10, stdin=given)

    @override
    def parse(self, output: Output) -> ValueState:
        try:
            return ValueState.model_validate(answered(self.label(), output))
        except ValidationError:
            raise Unreadable(f"{self.label()}: PHP answered something else than was asked") from None
