"""The stores of an application's cache, sessions and jobs."""

from enum import Enum

from pydantic import Field

from remediate.core.field_types import FrozenModel


class Role(Enum):
    """Uses of a store."""

    CACHE = "cache"
    SESSIONS = "sessions"
    QUEUE = "queue"


class Store(FrozenModel):
    """The store that the application's configuration gives for one role."""

    role: Role
    name: str = Field(description="its name in the configuration")
    driver: str = Field(description="redis, file, database, sync, …")
    connection: str | None = Field(description="name of the Redis connection, None when it is not in Redis")


class Trouble(Enum):
    """Reasons why Redis does not do what the application asks of it."""

    REFUSED = "connection refused"
    NAME = "host name not found"
    TIMEOUT = "no answer in time"
    LOST = "connection lost"
    DENIED = "password rejected"
    FORBIDDEN = "commands not permitted to this user"
    LOADING = "loading its data"
    MEMORY = "out of memory"
    REPLICA = "a replica, read only"
    UNSAVED = "cannot save to disk, refuses writes"
    CLIENTS = "too many clients"
    BUSY = "busy with a script"
    NO_DATABASE = "no database of that number"
    OTHER = "failing"

    @property
    def unreachable(self) -> bool:
        """True if no server answers at all."""
        return self in {Trouble.REFUSED, Trouble.NAME, Trouble.TIMEOUT, Trouble.LOST}


class StoreConnection(FrozenModel):
    """One Redis connection of the application, and its state when it was asked."""

    connection: str = Field(description="its name in the configuration")
    server: str = Field(description="host:port, or the path of a socket")
    database: int
    run: str | None = Field(description="the server's run id, None when it does not tell: the same on every name of it")
    trouble: Trouble | None = None

    def shares(self, other: "StoreConnection") -> bool:
        """Return whether both are the same database of the same server, under any name."""
        same = self.run == other.run if self.run and other.run else self.server == other.server
        return same and self.database == other.database

    def apart_from(self, other: "StoreConnection") -> bool:
        """Return whether both are certainly different servers.

        One server may have two names and hide its run id, so different names prove nothing.
        """
        if self.run and other.run:
            return self.run != other.run
        (_, mine), (_, theirs) = (each.server.rpartition(":")[::2] for each in (self, other))
        one_each = "," not in self.server + other.server  # a cluster is named by all of its servers
        return one_each and mine.isdecimal() and theirs.isdecimal() and mine != theirs

    @property
    def place(self) -> str:
        """The server and the database as text."""
        return f"{self.server} database {self.database}"


class Scan(FrozenModel):
    """The number of foreign keys in the cache's database, by their prefix."""

    seen: int
    foreign: int = Field(description="keys that do not begin as the cache's do")
    whole: bool = Field(description="whether every key was looked at")


class Content(FrozenModel):
    """The content of one Redis database."""

    connection: str
    keys: int
    used: int = Field(description="bytes of the whole server")
    limit: int = Field(description="its maxmemory in bytes, 0 for none")
    policy: str = Field(description="what it does at that limit")
    jobs: int = Field(description="jobs of the queue that wait or are being worked on")
    scan: Scan | None = Field(default=None, description="only of a cache that is full")
