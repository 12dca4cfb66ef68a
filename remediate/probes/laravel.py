"""The application's own state: maintenance mode, database access, a running deploy, its log."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import UserName
from remediate.core.probe import Fact, Probe, last_line
from remediate.errors import Unreadable
from remediate.probes.php import AppProbe


class AppState(Fact):
    """The framework's version, its maintenance mode, and whether its configuration is cached."""

    version: str
    maintenance: bool = Field(description="artisan down was run")
    config_cached: bool

    @property
    @override
    def ok(self) -> bool | None:
        return False if self.maintenance else None

    @override
    def describe(self) -> str:
        return f"Laravel {self.version}{', down for maintenance' if self.maintenance else ''}"


class App(AppProbe[AppState]):
    """Ask whether the application is down for maintenance, with any driver of that mode.

    Side effect: the framework rewrites bootstrap/cache/packages.php and services.php if they are missing.
    """

    kind: Literal["laravel.app"] = "laravel.app"
    subject = "application"
    program = "app"
    asked_together = True

    @override
    def command(self) -> Run:
        return self.ask("state")

    @override
    def understand(self, answer: Any) -> AppState:
        return AppState.model_validate(answer)


class DatabaseTrouble(Enum):
    """Database failures, by the error numbers of the server and of the client library."""

    REFUSED = "connection refused"
    SILENT = "no answer"
    NAME = "host name not found"
    DENIED = "access denied"
    NOT_ALLOWED = "not let in from there"
    FORBIDDEN = "no access to its database, or no such database"
    UNKNOWN_DATABASE = "unknown database"
    TOO_MANY = "too many connections"
    READ_ONLY = "answers, but takes no writes (read-only)"
    UNCONFIGURED = "cannot be asked: PHP cannot load bootstrap/cache/config.php"
    OTHER = "failing"


_TROUBLES = {
    **dict.fromkeys((2002, 2003, 2006, 2013), DatabaseTrouble.REFUSED),
    **dict.fromkeys((1045, 1698), DatabaseTrouble.DENIED),
    1130: DatabaseTrouble.NOT_ALLOWED,
    1044: DatabaseTrouble.FORBIDDEN,
    1049: DatabaseTrouble.UNKNOWN_DATABASE,
    **dict.fromkeys((1040, 1203, 1226), DatabaseTrouble.TOO_MANY),
    **dict.fromkeys((1290, 1836), DatabaseTrouble.READ_ONLY),
}
_NETWORK = {
    "refused": DatabaseTrouble.REFUSED,
    "name": DatabaseTrouble.NAME,
    "silent": DatabaseTrouble.SILENT,
    "open": DatabaseTrouble.SILENT,  # the connection is accepted, and then nothing is answered
}
"""Results of a connection of our own. The client library has only one number for all of them."""


class DatabaseState(Fact):
    """The database's answer to the application's own configuration."""

    trouble: DatabaseTrouble | None
    waiting: int = Field(description="its queries that have been running for two seconds or more")
    host: str = Field(default="", description="where its configuration says the server is")
    user: str = Field(default="", description="as whom it asks")
    seen_from: str = Field(default="", description="from where the server saw it come, when it was turned away")

    @property
    def delays(self) -> bool:
        """True if whoever asks it may be kept waiting."""
        prompt = {None, DatabaseTrouble.READ_ONLY, DatabaseTrouble.UNCONFIGURED}
        return self.waiting > 0 or self.trouble not in prompt

    @property
    @override
    def ok(self) -> bool | None:
        return self.trouble is None

    @override
    def describe(self) -> str:
        if self.trouble is not None:
            return self.trouble.value
        return f"answers, {self.waiting} of its queries wait" if self.waiting else "answers"


class AppDatabase(AppProbe[DatabaseState]):
    """Ask the database with the application's own configuration, credentials and driver."""

    kind: Literal["laravel.database"] = "laravel.database"
    subject = "database"
    program = "app"
    asked_together = True

    @override
    def command(self) -> Run:
        return self.ask("database")

    @override
    def understand(self, answer: Any) -> DatabaseState:
        return _database(answer)


def _database(answer: object) -> DatabaseState:
    match answer:
        case {"state": "ok", **rest}:
            # A server other than MySQL does not report its waiting queries.
            return _as(rest, trouble=None, waiting=rest.get("waiting", 0))
        case {"state": "unconfigured", **rest}:
            return _as(rest, trouble=DatabaseTrouble.UNCONFIGURED, waiting=0)
        case {"state": "failed", "code": int(code), **rest}:
            trouble = _NETWORK.get(str(rest.get("network")), _TROUBLES.get(code, DatabaseTrouble.OTHER))
            return _as(rest, trouble=trouble, waiting=0)
    raise TypeError


def _as(rest: Mapping[object, object], **known: object) -> DatabaseState:
    named = {"host": "host", "user": "username", "seen_from": "from"}
    place = {ours: str(rest.get(theirs) or "") for ours, theirs in named.items()}
    return DatabaseState.model_validate({**known, **place}, strict=True)


class Compared(Enum):
    """The comparison of a setting of the files with the one in use, without values."""

    SAME = "same"
    DIFFERS = "differs"
    UNSET = "unset"


class CredentialsState(Fact):
    """The database's answer to the settings that .env and config/*.php give now."""

    env: Literal["sound", "broken", "missing"]
    settings: tuple[tuple[str, Compared], ...] = Field(description="each setting beside the one in use")
    answer: DatabaseState | None = Field(description="what the database answers to them; None without a sound .env")

    @property
    def differ(self) -> tuple[str, ...]:
        """The settings that differ from those in use."""
        return tuple(name for name, how in self.settings if how is Compared.DIFFERS)

    @property
    def works(self) -> bool:
        """True if the database answers to these settings."""
        return self.answer is not None and self.answer.trouble is None

    @property
    @override
    def ok(self) -> bool | None:
        return self.works

    @override
    def describe(self) -> str:
        if self.answer is None:
            return f".env is {self.env}"
        said = ", ".join(f"{name} {how.value}" for name, how in self.settings if name not in _OPTIONAL or how != _UNSET)
        return f"{self.answer.describe()} ({said})"


_OPTIONAL = frozenset({"url"})
_UNSET = Compared.UNSET


class Credentials(AppProbe[CredentialsState]):
    """Try the database settings of .env and config/*.php, and compare them with those in use."""

    kind: Literal["laravel.credentials"] = "laravel.credentials"
    subject = "database as .env says"
    program = "app"

    @override
    def command(self) -> Run:
        return self.ask("credentials")

    @override
    def understand(self, answer: Any) -> CredentialsState:
        match answer:
            case {"env": "broken" | "missing" as env}:
                return CredentialsState(env=env, settings=(), answer=None)
            case {"env": "sound", "keys": {**keys}}:
                settings = tuple((str(name), Compared(how)) for name, how in keys.items())
                return CredentialsState(env="sound", settings=settings, answer=_database(answer))
        raise TypeError


class DeployState(Fact):
    """The running commands that change the application's code."""

    running: tuple[str, ...]

    @property
    @override
    def ok(self) -> bool | None:
        return False if self.running else None

    @override
    def describe(self) -> str:
        return f"running: {self.running[0]}" if self.running else "none"


class Deploy(Probe[DeployState]):
    """Look for running commands of a deploy, started by the application's user."""

    brief: ClassVar[bool] = True

    kind: Literal["laravel.deploy"] = "laravel.deploy"
    subject = "deploy"
    user: UserName = Field(description="user the application runs as")

    @override
    def command(self) -> Run:
        # The brackets keep the pattern from matching the command line that looks for it.
        pattern = (
            r"compose[r](\.phar)? (install|update|dump-autoload)|gi[t] (pull|fetch|checkout|reset|clone)"
            r"|artisa[n] migrate|np[m] (ci|install|run)"
        )
        return Run.of("pgrep", "-u", self.user, "-af", "--", pattern, seconds=5)

    @override
    def parse(self, output: Output) -> DeployState:
        if output.exit > 1:  # pgrep(1): 1 = none matched
            raise Unreadable(f"deploy: pgrep: {last_line(output.stderr)}")
        found = (line.partition(" ")[2].strip()[:120] for line in output.stdout.splitlines())
        return DeployState(running=tuple(line for line in found if line))
