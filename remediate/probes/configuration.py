"""The configuration that an application uses, compared with .env and config/*.php."""

import json
import re
from base64 import b64encode
from enum import Enum
from typing import Any, Literal

from pydantic import Field, SecretStr
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath, EnvKey, UserName
from remediate.core.probe import Fact, Probe, T_co, last_line
from remediate.errors import Unreadable
from remediate.probes.php import AppProbe


class EnvState(Enum):
    """Usability of an application's .env and config files as they are now."""

    SOUND = "sound"
    MISSING = "missing"
    BROKEN = "broken"
    UNUSABLE = "unusable"


class ConfigurationState(Fact):
    """The configuration in use, compared with .env and config/*.php. Names only, never values."""

    cached: bool = Field(description="whether artisan config:cache was run: then .env is not read")
    env: EnvState
    message: str = Field(description="what is wrong with .env or the config files, without a value")
    differs: tuple[str, ...] = Field(description="keys of the cached configuration that would be another now")
    external: tuple[str, ...] = Field(description="keys of .env that a pool or a running worker is given otherwise")

    @property
    def sound(self) -> bool:
        """True if the configuration could be built again."""
        return self.env is EnvState.SOUND

    @property
    @override
    def ok(self) -> bool | None:
        return self.sound and not self.differs

    def about(self, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the differing keys below one of these prefixes; all of them without a prefix."""
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
    """Return the first few of many keys as text."""
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return f"{', '.join(keys[:most])}{more}"


class _OfApplication(Probe[T_co]):
    """A question about the files of one application, asked as the application's user."""

    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(description="user the application runs as")


class Configuration(AppProbe[ConfigurationState]):
    """Compare the cached configuration, key by key, with .env and config/*.php.

    Ask it before `config:cache`: an edit of .env has no effect while the configuration is cached, and `config:cache`
    with a broken .env takes the application down. Cost: the framework is started once.
    """

    kind: Literal["laravel.configuration"] = "laravel.configuration"
    subject = "configuration"
    program = "configuration"

    @override
    def command(self) -> Run:
        return self.ask()

    @override
    def understand(self, answer: Any) -> ConfigurationState:
        return ConfigurationState.model_validate(answer)


class FileState(Fact):
    """The fingerprint of a file, never its content."""

    mark: str = Field(description="changes with the file, empty when there is none", repr=False)
    written: float | None = Field(default=None, description="when, in seconds of the host's own calendar, if asked for")

    @override
    def describe(self) -> str:
        return "there" if self.mark else "missing"


class EnvFile(_OfApplication[FileState]):
    """Take the fingerprint (SHA-256) of .env.

    With it a remedy notices that the file is no longer the one that was looked at.
    """

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
    """Take the fingerprint of the configuration cache: its inode, size and time of writing."""

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
            raise Unreadable(f"{self.label()}: unexpected answer from stat")
        return FileState(mark=output.stdout, written=float(found[1]))


class ValueState(Fact):
    """The comparison of a key of .env with a value that is never shown."""

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


class EnvValue(AppProbe[ValueState]):
    """Compare a key of .env with a value; neither is ever shown.

    The application's own parser reads the key.
    """

    kind: Literal["laravel.env-value"] = "laravel.env-value"
    program = "env_value"
    key: EnvKey = Field(description="key of .env")
    value: SecretStr = Field(description="value to compare with")

    @override
    def label(self) -> str:
        return f"{self.key} of .env"

    @override
    def command(self) -> Run:
        text = self.value.get_secret_value().encode(errors="surrogateescape")
        given = json.dumps({"key": self.key, "value": b64encode(text).decode()})
        return self.ask(seconds=10, stdin=given)

    @override
    def understand(self, answer: Any) -> ValueState:
        return ValueState.model_validate(answer)
