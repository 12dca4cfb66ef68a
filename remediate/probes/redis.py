"""Redis as the application reaches it: its own configuration, its own PHP, its own user."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.probes.php import AppProbe, Together
from remediate.probes.stores import Content, Role, Scan, Store, StoreConnection, Trouble

_TROUBLES = {
    "ok": None,
    "refused": Trouble.REFUSED,
    "name": Trouble.NAME,
    "timeout": Trouble.TIMEOUT,
    "lost": Trouble.LOST,
    **dict.fromkeys(("noauth", "wrongpass"), Trouble.DENIED),
    "noperm": Trouble.FORBIDDEN,
    "loading": Trouble.LOADING,
    "oom": Trouble.MEMORY,
    "readonly": Trouble.REPLICA,
    "misconf": Trouble.UNSAVED,
    "maxclients": Trouble.CLIENTS,
    "busy": Trouble.BUSY,
    "database": Trouble.NO_DATABASE,
    **dict.fromkeys(("masterdown", "noreplicas", "clusterdown", "other"), Trouble.OTHER),
}
"""The program's words for failures, after the error codes at the beginning of Redis's answers."""


class RedisState(Fact):
    """The stores of cache, sessions and queue, and Redis's answer for each."""

    stores: tuple[Store, ...]
    links: tuple[StoreConnection, ...]

    def store(self, role: Role) -> Store:
        """Return the store that the application uses for a role."""
        return next(each for each in self.stores if each.role is role)

    def link(self, role: Role) -> StoreConnection | None:
        """Return the connection for a role; None if that is not in Redis."""
        connection = self.store(role).connection
        return next((each for each in self.links if each.connection == connection), None)

    def to(self, connection: str | None) -> StoreConnection | None:
        """Return a connection by its name in the configuration; None without it."""
        return next((each for each in self.links if each.connection == connection), None)

    def roles(self, link: StoreConnection) -> tuple[Role, ...]:
        """Return the roles that a connection is used for."""
        return tuple(each.role for each in self.stores if each.connection == link.connection)

    @property
    def used(self) -> tuple[StoreConnection, ...]:
        """The connections that cache, sessions or queue use."""
        return tuple(each for each in self.links if self.roles(each))

    @property
    def failing(self) -> tuple[StoreConnection, ...]:
        """The used connections that fail."""
        return tuple(each for each in self.used if each.trouble is not None)

    @property
    def trouble(self) -> Trouble | None:
        """The failure of the first connection that fails; None if none does."""
        return self.failing[0].trouble if self.failing else None

    def sharing(self, link: StoreConnection) -> tuple[Role, ...]:
        """Return every role whose data is in the same database as this connection's.

        The connection's own roles are included.
        """
        return tuple(role for other in self.used if other.shares(link) for role in self.roles(other))

    @property
    @override
    def ok(self) -> bool | None:
        return not self.failing

    @override
    def describe(self) -> str:
        if not self.used:
            return "not used"
        if not self.failing:
            return "answers"
        said: dict[str, list[str]] = {}
        for link in self.failing:
            what = f"{link.server} {link.trouble.value if link.trouble else ''}"
            said.setdefault(what, []).extend(role.value for role in self.roles(link))
        return "; ".join(f"{what} ({', '.join(roles)})" for what, roles in said.items())


_SECONDS = 25.0
"""The program gives up on a silent server after three seconds, and asks it only once."""


class AppRedis(AppProbe[RedisState]):
    """Ask Redis, on every connection of the application, whether a write would succeed.

    The question is a write that never writes. Redis refuses it whenever it would refuse a real one: no password, no
    memory, a replica, a full disk. Nothing in the answer changes by itself, so it can be a remedy's identity.
    """

    kind: Literal["redis.app"] = "redis.app"
    program = "redis"
    asked_together = True
    fresh: bool = Field(default=False, description="with what .env says now, not with the configuration that is cached")

    @override
    def label(self) -> str:
        return "Redis by .env" if self.fresh else "Redis"

    @override
    def command(self) -> Run:
        return self.ask("fresh" if self.fresh else "cached", "state", seconds=_SECONDS)

    @override
    def batch(self) -> Together | None:
        return None if self.fresh else super().batch()

    @override
    def understand(self, answer: Any) -> RedisState:
        state = _state(answer)
        if {each.role for each in state.stores} != set(Role):
            raise Unreadable(f"{self.label()}: PHP did not say where {', '.join(role.value for role in Role)} are")
        return state


class ContentState(Fact):
    """The keys, the jobs and the memory use of the application's Redis databases."""

    contents: tuple[Content, ...]

    def of(self, connection: str) -> Content | None:
        """Return the content behind a connection; None if it is unknown."""
        return next((each for each in self.contents if each.connection == connection), None)

    @override
    def describe(self) -> str:
        if not self.contents:
            return "unknown"
        first = self.contents[0]
        limit = f" of {_megabytes(first.limit)}" if first.limit else ""
        keys = ", ".join(f"{each.connection} {each.keys} keys" for each in self.contents)
        return f"{keys}, {sum(each.jobs for each in self.contents)} jobs, {_megabytes(first.used)}{limit}"


class RedisContent(AppProbe[ContentState]):
    """Ask for the keys, jobs and memory use of the application's Redis databases.

    Whose keys they are is only looked at if the cache is full.
    """

    kind: Literal["redis.content"] = "redis.content"
    subject = "content of Redis"
    program = "redis"
    asked_together = True

    @override
    def command(self) -> Run:
        return self.ask("cached", "content", seconds=_SECONDS)

    @override
    def understand(self, answer: Any) -> ContentState:
        found: list[Content] = []
        for link in _mapping(answer).get("links", []):
            told = {name: link[name] for name in _COUNTED if name in link}
            if len(told) == len(_COUNTED):
                scan = Scan.model_validate(link["scan"]) if "scan" in link else None
                found.append(Content(connection=link["connection"], scan=scan, **told))
        return ContentState(contents=tuple(found))


_COUNTED = ("keys", "used", "limit", "policy", "jobs")


def _state(answer: Any) -> RedisState:
    said = _mapping(answer)
    links = tuple(
        StoreConnection(
            connection=link["connection"],
            server=link["server"],
            database=link["database"],
            run=link["run"],
            trouble=_TROUBLES[link["state"]],
        )
        for link in said["links"]
    )
    return RedisState(stores=tuple(Store.model_validate(each) for each in said["stores"]), links=links)


def _mapping(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise TypeError
    return answer


def _megabytes(count: int) -> str:
    return f"{count / 1048576:.1f} MB"
