"""A real host's cache moved to files without Redis, and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remediate.remedies.fallback import DIVERGING_CACHES

if TYPE_CHECKING:
    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = pytest.mark.container

APP = "/home/forge/agency-platform"
MARKER = f"{APP}/storage/framework/remediate-cache-fallback"
ENV = f"cat {APP}/.env; stat -c '%U %G %a' {APP}/.env"
DATA = "/tmp/second-redis"
SECOND = f"""
port=6380; export REDISCLI_AUTH=$(sed -n 's/^REDIS_PASSWORD=//p' {APP}/.env)
mkdir -p {DATA}
printf 'port %s\\nbind 127.0.0.1\\nrequirepass %s\\ndaemonize yes\\nsave ""\\ndir {DATA}\\n' $port $REDISCLI_AUTH |
    redis-server - >/dev/null
cli() {{ redis-cli -p $port --no-auth-warning "$@"; }}
until [ "$(cli ping)" = PONG ]; do sleep 0.1; done
"""
OTHERS = "for i=1,2000 do redis.call('set', 'others:'..i, string.rep('x', 2048)) end"
HELD = "setsid -f sh -c 'sleep 90 | redis-cli -p 6380' </dev/null >/dev/null 2>&1"
TROUBLES = {
    "password-rejected": "cli config set requirepass somebody-elses",
    "shared-store": f'cli -n 1 eval "{OTHERS}" 0; cli config set maxmemory 2000000',
    "persistence-failing": f"cli config set save '3600 1'; rm -r {DATA}; cli bgsave; sleep 2",
    "wrong-role": "cli replicaof 127.0.0.1 6399",
    "redis-failing": f"cli config set maxclients 1; {HELD}; sleep 1",
}
"""Faults of a running Redis that are not fixed here, each with its refusal code."""


@pytest.fixture
def away(staged: "Staged") -> Iterator[None]:
    """Give the cache a Redis of its own, which is away; sessions and queue stay where they are."""
    staged.spoil("redis-not-ours")
    yield
    staged.sh(f"pkill -KILL -f 'redis-server.*:6380' || true; rm -rf {DATA}")
    staged.faults["redis-not-ours"].undo(staged.host)
    staged.sh(f"rm -f {APP}/.env.remediate-*")


def do(cli: "Cli", kind: str, inventory: Path) -> "Ended":
    target = ("--host", cli.staged.name, "--inventory", str(inventory))
    return cli("invoke", kind, *target, "--json", "--hold", "1")


@pytest.mark.usefixtures("away")
def test_into_files_and_back(staged: "Staged", cli: "Cli") -> None:
    was = staged.sh(ENV)
    assert staged.inside("/health") == 503

    several = staged.inventory_with(without=("app_servers",))
    do(cli, "do.cache.fallback", several).refused(DIVERGING_CACHES.name)
    alone = staged.inventory_with(redis={"unit": "redis-server"})
    told = do(cli, "fix.cache-down", alone)
    told.refused("redis-not-ours")
    assert "do.cache.fallback --host" in told.err
    assert "remediate.redis.fallback" in told.err
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


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize("code", TROUBLES)
def test_the_playbook_keeps_the_cache_in_files_where_the_inventory_allows_it(
    staged: "Staged", cli: "Cli", code: str
) -> None:
    staged.sh(f"{SECOND}{TROUBLES[code]}")
    assert staged.inside("/health") == 503

    ended = do(cli, "fix.cache-down", staged.inventory)

    host = ended.is_("fixed", 0, touched="yes")
    assert [step.remedy for step in host.steps if step.changed] == ["cache.fallback"]
    assert code in {step.code for step in host.steps}
    assert "do.cache.restore goes back" in ended.err
    staged.serves()
    do(cli, "fix.cache-down", staged.inventory).is_("healthy", 0)
