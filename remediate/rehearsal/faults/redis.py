"""Faults of Redis, and of the application's settings for it."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, Port, ProgramName, UnitName, UserName
from remediate.rehearsal.faults.fault import kept, restored
from remediate.rehearsal.faults.supervisor import given_up
from remediate.rehearsal.faults.units import OfUnit

_PREFIX = "agency_platform_"
_CACHE = "agency_platform_agency_platform_cache:"


class _RedisFault(OfUnit):
    """A base for faults of Redis, with the settings of the application that uses it."""

    unit: UnitName = Field(default="redis-server", description="systemd unit of Redis")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")
    php: str = Field(default="php", description="PHP's name", pattern=r"^php[0-9.]*$")
    program: ProgramName = Field(description="supervisor group of the queue workers, which live by Redis")

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.unit, self.program)

    @property
    def _tools(self) -> str:
        """Shell functions: `cli` asks Redis with the password of .env, `artisan` runs artisan."""
        env = f"{self.path}/.env"
        return (
            f"cli() {{ REDISCLI_AUTH=$(sed -n 's/^REDIS_PASSWORD=//p' {env}) redis-cli --no-auth-warning \"$@\"; }}\n"
            f'artisan() {{ runuser -u {self.user} -- {self.php} {self.path}/artisan "$@" >/dev/null; }}\n'
        )

    @property
    def _workers_given_up(self) -> str:
        return given_up(self.program, f"{self.path}/artisan")

    @property
    def _workers_back(self) -> str:
        return f"sleep 0.5; supervisorctl start '{self.program}:*' || true\n"

    @property
    def _up_again(self) -> str:
        start = f"systemctl unmask {self.unit}; systemctl reset-failed {self.unit} || true; systemctl start {self.unit}"
        return f"rm -f {self._drop_in}; systemctl daemon-reload\n{start}\n{self._workers_back}"


class RedisStopped(_RedisFault):
    """Redis is stopped, masked or unable to start, and the workers have died of it."""

    kind: Literal["redis-stopped"] = "redis-stopped"
    masked: bool = Field(default=False, description="masked as well: somebody wants it down")
    broken: AbsolutePath | None = Field(default=None, description="its configuration, which it does not accept")

    @override
    def describe(self) -> str:
        why = ", masked" if self.masked else ", with a broken configuration" if self.broken else ""
        return f"{self.unit} is stopped{why}, the workers are FATAL"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (*super().disturbs(), *((self.broken,) if self.broken else ()))

    @override
    def breaking(self) -> str:
        edit = f"{kept(self.broken)}echo 'nonsense on' >> {self.broken}\n" if self.broken else ""
        stop = f"systemctl {'mask --now' if self.masked else 'stop'} {self.unit}\n"
        return f"{edit}{stop}{self._workers_given_up}"

    @override
    def mending(self) -> str:
        return f"{restored(self.broken) if self.broken else ''}{self._up_again}"


class RedisKilled(_RedisFault):
    """Redis was killed with -9, as when memory runs out, without a restart by systemd."""

    kind: Literal["redis-killed"] = "redis-killed"

    @override
    def describe(self) -> str:
        return f"{self.unit} was killed with -9 and not started again, the workers are FATAL"

    @override
    def breaking(self) -> str:
        kill = f"systemctl kill --kill-who=main --signal=KILL {self.unit}\n"
        return f"{self._with('Restart=no')}{kill}{self._workers_given_up}"

    @override
    def mending(self) -> str:
        return self._up_again


class RedisLoading(_RedisFault):
    """Redis takes long to load its data."""

    kind: Literal["redis-loading"] = "redis-loading"
    config: AbsolutePath = Field(default="/etc/redis/redis.conf", description="its configuration")
    seconds: int = Field(default=80, ge=1, le=85, description="how long it takes; systemd waits for 90")

    @override
    def describe(self) -> str:
        return f"{self.unit} loads its data for {self.seconds} s"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (*super().disturbs(), self.config)

    @override
    def breaking(self) -> str:
        slow = "key-load-delay 100000\\nloading-process-events-interval-bytes 1024\\n"
        return (
            # Values of more than 1 KB let Redis answer in between that it is loading.
            f"{self._tools}value=$(head -c 1000 /dev/urandom | base64 -w 0)\n"
            f"for i in $(seq {self.seconds * 10}); do echo set remediate-fault:$i $value; done | cli >/dev/null\n"
            f"{kept(self.config)}printf '{slow}' >> {self.config}\n"
            f"systemctl restart --no-block {self.unit}\nsleep 1\n{self._workers_given_up}"
        )

    @override
    def mending(self) -> str:
        kill = f"systemctl kill --signal=KILL {self.unit} || true; systemctl stop {self.unit}\n"
        keys = f"{self._tools}cli --scan --pattern 'remediate-fault:*' | xargs -r -n 100 echo del | cli >/dev/null\n"
        return f"{restored(self.config)}{kill}{self._up_again}{keys}"


class RedisFull(_RedisFault):
    """Redis is at its maxmemory without eviction, full of cache, and refuses every write.

    It also holds sessions of visitors and jobs of a parked queue without workers, which nothing may lose.
    """

    kind: Literal["redis-full"] = "redis-full"
    shared: bool = Field(default=False, description="the cache is in the database of the sessions and the queue")

    @override
    def describe(self) -> str:
        where = "in one database with sessions and jobs" if self.shared else "in its own database"
        return f"Redis is out of memory, full of cache {where}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        files = (f"{self.path}/.env", f"{self.path}/bootstrap/cache/") if self.shared else ()
        return (*super().disturbs(), *files)

    @override
    def breaking(self) -> str:
        database = 0 if self.shared else 1
        edit = "sed -i.remediate-fault 's/^REDIS_CACHE_DB=.*/REDIS_CACHE_DB=0/'"
        share = f"{edit} {self.path}/.env\nartisan config:cache\nsupervisorctl restart '{self.program}:*'\n"
        kept = (
            f"for i in $(seq 25); do echo set {_CACHE}{'s' * 30}$((1000000000 + i)) session ex 7200; done | cli\n"
            f"for i in $(seq 3); do echo rpush {_PREFIX}queues:reports job-$i; done | cli\n"
        )
        fill = f"for i=1,8192 do redis.call('set', '{_CACHE}page.'..i, string.rep('x', 2048), 'EX', 7200) end"
        return (
            f"{self._tools}{share if self.shared else ''}{{ {kept}}} >/dev/null\n"
            "used=$(cli info memory | tr -d '\\r' | sed -n 's/^used_memory://p')\n"
            "cli config set maxmemory-policy noeviction >/dev/null\n"
            "cli config set maxmemory $((used + 8000000)) >/dev/null\n"
            f'cli -n {database} eval "{fill}" 0 >/dev/null\n'
        )

    @override
    def keepsakes(self) -> str:
        return (
            f"{self._tools}echo \"$(cli --scan --pattern '{_CACHE}ssssssssss*' | wc -l) sessions\"\n"
            f'echo "$(cli llen {_PREFIX}queues:reports) jobs of a parked queue"\n'
        )

    @override
    def mending(self) -> str:
        return (
            f"{self._tools}cli config set maxmemory 0\n"
            f"cli --scan --pattern '{_CACHE}*' | xargs -r -n 500 echo del | cli\n"
            f"cli -n 1 flushdb\ncli del {_PREFIX}queues:reports\n{restored(f'{self.path}/.env')}artisan config:cache\n"
        )


class RedisPassword(_RedisFault):
    """Redis has another password than the application uses: unknown to it, or only in .env."""

    kind: Literal["redis-password"] = "redis-password"
    told: bool = Field(description="whether the new one stands in .env, only not in the cached configuration")

    @override
    def describe(self) -> str:
        who = "it stands in .env, not in the cached configuration" if self.told else "the application does not know it"
        return f"the password of Redis was changed: {who}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (*super().disturbs(), *((f"{self.path}/.env", f"{self.path}/bootstrap/cache/") if self.told else ()))

    @override
    def breaking(self) -> str:
        env = f"{self.path}/.env"
        tell = f"sed -i.remediate-fault 's/^REDIS_PASSWORD=.*/REDIS_PASSWORD=changed-by-a-person/' {env}\n"
        change = f"{self._tools}cli config set requirepass changed-by-a-person >/dev/null\n"
        return f"{change}{tell if self.told else ''}"

    @override
    def mending(self) -> str:
        again = f"systemctl restart {self.unit}\n{self._tools}artisan config:cache\n{self._workers_back}"
        return f"{restored(f'{self.path}/.env')}{again}"


class RedisReplica(_RedisFault):
    """Redis is a replica of another server now: it can be read and refuses writes."""

    kind: Literal["redis-replica"] = "redis-replica"
    master: Port = Field(default=6399, description="port at which the other one would be")

    @override
    def describe(self) -> str:
        return "Redis is a replica, read only"

    @override
    def breaking(self) -> str:
        return f"{self._tools}cli replicaof 127.0.0.1 {self.master} >/dev/null\nsleep 0.3\n"

    @override
    def mending(self) -> str:
        return f"{self._tools}cli replicaof no one\n"


class CacheElsewhere(_RedisFault):
    """The cache's separate Redis is down and not in the inventory; sessions and queue work."""

    kind: Literal["cache-elsewhere"] = "cache-elsewhere"
    port: Port = Field(default=6380, description="port at which nobody answers")

    @override
    def describe(self) -> str:
        return f"the cache's own Redis, port {self.port}, is down, and no unit of this host runs it"

    @override
    def disturbs(self) -> tuple[str, ...]:
        # The remedy that keeps the cache in files edits .env.
        return (*super().disturbs(), f"{self.path}/.env", f"{self.path}/bootstrap/cache/")

    @override
    def breaking(self) -> str:
        config, env = f"{self.path}/config/database.php", f"{self.path}/.env"
        port = f"['port' => {self.port}] + \\$redis(env('REDIS_CACHE_DB', '1'))"
        return (
            f"{self._tools}{kept(env)}"
            f"sed -i.remediate-fault \"s/'cache' => .*/'cache' => {port},/\" {config}\n"
            f"artisan config:cache\n{self._workers_given_up}"
        )

    @override
    def mending(self) -> str:
        back = "".join(restored(f"{self.path}/{each}") for each in ("config/database.php", ".env"))
        note = f"rm -f {self.path}/storage/framework/remediate-cache-fallback\n"
        return f"{back}{note}{self._tools}artisan config:cache\n{self._workers_back}"
