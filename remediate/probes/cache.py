"""The configured cache store, and the temporary fallback to files."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.probe import Fact
from remediate.probes.php import AppProbe

MARKER = "storage/framework/remediate-cache-fallback"
"""File below the directory of artisan that names the cache's store before the fallback.

It is not among the kept edits of .env: later edits push older ones out, a fallback may last for weeks, and another
operator may end it. Deploys leave storage/ alone.
"""


class CacheState(Fact):
    """The application's cache store, and the facts that are needed to change it."""

    version: str = Field(description="of the framework")
    key: str | None = Field(description="CACHE_STORE or CACHE_DRIVER, whichever has an effect here; None for neither")
    now: str = Field(description="name of the store in use, by the configuration that is cached")
    file: str | None = Field(description="name of a store that keeps the cache in files")
    writable: bool = Field(description="whether the application may write where that one is")
    roomy: bool = Field(description="whether there are 256 MiB left there")
    before: str | None = Field(description="store that it was in before it was moved into files, None when it was not")
    connection: str | None = Field(description="Redis connection of that one")
    moved: int | None = Field(description="when that was, in seconds since 1970")

    @property
    def fallen_back(self) -> bool:
        """True if the cache is in files for now, instead of its own store."""
        return self.before is not None and self.now == self.file

    @property
    @override
    def ok(self) -> bool | None:
        return False if self.fallen_back else None

    @override
    def describe(self) -> str:
        if not self.fallen_back:
            return f"in {self.now}"
        since = f" since {datetime.fromtimestamp(self.moved, UTC):%Y-%m-%d %H:%MZ}" if self.moved is not None else ""
        return f"in files instead of {self.before}{since}: do.cache.restore goes back"


class Cache(AppProbe[CacheState]):
    """Ask which store the cache uses, and which key of .env decides that.

    The key is found by trying it, not by the framework's version.
    """

    kind: Literal["cache.settings"] = "cache.settings"
    subject = "cache"
    program = "cache"
    asked_together = True

    @override
    def command(self) -> Run:
        return self.ask()

    @override
    def understand(self, answer: Any) -> CacheState:
        state = CacheState.model_validate(answer)
        state.describe()
        return state


class CacheUses(Fact):
    """Locks and marks that the application's own code keeps in the cache."""

    found: tuple[str, ...] = Field(
        description="files of it that take locks or set marks there, and what stands in them"
    )
    whole: bool = Field(description="whether all of the code could be looked at")

    @override
    def describe(self) -> str:
        if self.found:
            more = f" and {len(self.found) - 2} more" if len(self.found) > 2 else ""
            return f"locks or marks in the cache: {', '.join(self.found[:2])}{more}"
        return "no locks and no marks in the cache" if self.whole else "not all of it could be read"


class CacheCode(AppProbe[CacheUses]):
    """Search the application's own code for locks and marks in the cache.

    They would be lost if the cache moved to another store. Packages are not searched: the person who allows the
    fallback has to know what they keep there.
    """

    kind: Literal["cache.code"] = "cache.code"
    subject = "code of the application"
    program = "cache_uses"

    @override
    def command(self) -> Run:
        return self.ask(seconds=10)

    @override
    def understand(self, answer: Any) -> CacheUses:
        return CacheUses.model_validate(answer)
