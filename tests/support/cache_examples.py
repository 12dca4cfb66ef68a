"""Facts of a cache and of the Redis that it lies in."""

from typing import Final, Literal

from remediate.probes.cache import CacheState, CacheUses
from remediate.probes.redis import ContentState, RedisState
from remediate.probes.stores import Content, Role, Scan, Store, StoreConnection, Trouble


def redis(
    trouble: Trouble | None = None,
    *,
    sessions: Trouble | Literal["the same"] | None = "the same",
    shared: bool = False,
    server: str = "127.0.0.1:6379",
    run: str = "85164f00b37adc1285eb5eeab9972c85d263636e",
    cache: str = "redis",
) -> RedisState:
    """Return Redis's answers to the cache's connection and to that of sessions and queue.

    Both are the same unless stated. `shared` puts both into one database. `server` is the address of the cache's Redis,
    and `cache` the store in use.
    """
    connection = "cache" if cache == "redis" else None
    other = trouble if sessions == "the same" else sessions
    told = {at: None if what is not None and what.unreachable else run for at, what in ((0, trouble), (1, other))}
    return RedisState(
        stores=(
            Store(role=Role.CACHE, name=cache, driver=cache, connection=connection),
            Store(role=Role.SESSIONS, name="redis", driver="redis", connection="default"),
            Store(role=Role.QUEUE, name="redis", driver="redis", connection="default"),
        ),
        links=(
            StoreConnection(
                connection="cache", server=server, database=0 if shared else 1, run=told[0], trouble=trouble
            ),
            StoreConnection(connection="default", server="127.0.0.1:6379", database=0, run=told[1], trouble=other),
        ),
    )


def content(*, cache: int = 812, others: int = 28, jobs: int = 3, scan: Scan | None = None) -> ContentState:
    """Return the key counts of the cache's database and of that of sessions and queue."""
    of = {"used": 9_004_120, "limit": 9_000_000, "policy": "noeviction"}
    return ContentState(
        contents=(
            Content.model_validate({**of, "connection": "cache", "keys": cache, "jobs": 0, "scan": scan}),
            Content.model_validate({**of, "connection": "default", "keys": others, "jobs": jobs}),
        )
    )


OWN_KEYS: Final = Scan(seen=812, foreign=0, whole=True)
"""A cache that is alone in its database."""
CACHE: Final = CacheState(
    version="8.83.27",
    key="CACHE_DRIVER",
    now="redis",
    file="file",
    writable=True,
    roomy=True,
    before=None,
    connection=None,
    moved=None,
)
"""A cache in Redis that could be kept in files."""
ONLY_COPIES: Final = CacheUses(found=(), whole=True)
"""Code that keeps only copies in the cache."""
LOCKS: Final = CacheUses(found=("app/Jobs/Charge.php (WithoutOverlapping)",), whole=True)
"""Code that keeps locks in the cache."""
FILE_CACHE: Final = CACHE.model_copy(
    update={"now": "file", "before": "redis", "connection": "cache", "moved": 1_795_000_000}
)
"""A cache that is in files temporarily."""
