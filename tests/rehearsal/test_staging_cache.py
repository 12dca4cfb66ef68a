"""The cache of a real host kept in files while its Redis is away, and put back."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remediate.remedies.fallback import DIVERGING_CACHES

if TYPE_CHECKING:
    from conftest import Cli, Ended, Staged

pytestmark = pytest.mark.container

APP = "/home/forge/agency-platform"
MARKER = f"{APP}/storage/framework/remediate-cache-fallback"
ENV = f"cat {APP}/.env; stat -c '%U %G %a' {APP}/.env"
SECOND = f"""
port=6380; password=$(sed -n 's/^REDIS_PASSWORD=//p' {APP}/.env)
printf 'port %s\\nbind 127.0.0.1\\nrequirepass %s\\ndaemonize yes\\nsave ""\\ndir /tmp\\n' $port $password |
    redis-server - >/dev/null
until [ "$(REDISCLI_AUTH=$password redis-cli -p $port --no-auth-warning ping)" = PONG ]; do sleep 0.1; done
"""


@pytest.fixture
def away(staged: "Staged") -> Iterator[None]:
    """Give the cache a Redis of its own, which is away; sessions and queue stay where they are."""
    staged.sh(f"cp -p {APP}/.env /root/env")
    staged.spoil("redis-not-ours")
    yield
    staged.sh(
        f"pkill -f 'redis-server.*:6380' || true; rm -f {MARKER} {APP}/.env.remediate-*; cp -p /root/env {APP}/.env"
    )
    staged.faults["redis-not-ours"].undo(staged.host)


def do(cli: "Cli", kind: str, inventory: Path) -> "Ended":
    target = ("--host", cli.staged.name, "--inventory", str(inventory))
    return cli("invoke", kind, *target, "--json", "--hold", "1")


@pytest.mark.usefixtures("away")
def test_into_files_and_back(staged: "Staged", cli: "Cli") -> None:
    alone = staged.inventory_with(app_servers=1)
    was = staged.sh(ENV)
    assert staged.inside("/health") == 503

    do(cli, "do.cache.fallback", staged.inventory).refused(DIVERGING_CACHES.name)
    assert staged.sh(ENV) == was

    into = do(cli, "do.cache.fallback", alone)
    into.is_("fixed", 0, touched="yes")
    assert staged.sh(ENV) == was.replace("CACHE_DRIVER=redis\n", "CACHE_DRIVER=file\n")
    assert (staged.inside("/health"), staged.outside()) == (200, 200)
    assert staged.sh(f"ls {APP}/storage/framework/cache/data").split(), "PHP-FPM does not use it"
    assert int(staged.sh("{ supervisorctl status || true; } | grep -c RUNNING")) == 2
    assert "do.cache.restore goes back" in into.err

    everything = staged.bystanders()
    do(cli, "do.cache.fallback", alone).is_("healthy", 0)
    reminded = do(cli, "fix.cache-down", alone)
    reminded.is_("healthy", 0)
    assert "though: cache in files instead of redis since" in reminded.err
    do(cli, "do.cache.restore", alone).refused("redis-still-failing")
    assert staged.bystanders() == everything

    staged.sh(SECOND)
    do(cli, "do.cache.restore", alone).is_("fixed", 0, touched="yes")
    assert staged.sh(ENV) == was
    assert staged.sh(f"[ -e {MARKER} ] || echo gone").strip() == "gone"
    assert (staged.inside("/health"), staged.outside()) == (200, 200)
    assert do(cli, "do.cache.restore", alone).is_("healthy", 0).steps[0].why.startswith("the cache is in redis")
    assert "instead of" not in do(cli, "fix.cache-down", alone).err
