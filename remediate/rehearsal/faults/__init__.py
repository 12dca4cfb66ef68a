"""Faults as values: each breaks a disposable host in one way, says how, and undoes itself."""

from remediate.rehearsal.faults.application import DeployRunning, Maintenance, TableLocked
from remediate.rehearsal.faults.database import (
    ConnectionsHeld,
    DatabaseMissing,
    PasswordChanged,
    QueryRunaway,
    ServerCrashed,
    ServerFrozen,
    TransactionForgotten,
)
from remediate.rehearsal.faults.fault import MARKER, Fault, RootShell
from remediate.rehearsal.faults.payments import JobsFailed, RouteBroken, SecretChanged, StoreStopped
from remediate.rehearsal.faults.php_fpm import PoolExhausted, PoolHung
from remediate.rehearsal.faults.redis import (
    CacheElsewhere,
    RedisFull,
    RedisKilled,
    RedisLoading,
    RedisPassword,
    RedisReplica,
    RedisStopped,
)
from remediate.rehearsal.faults.supervisor import WorkersCrashing, WorkersFatal, WorkersStopped
from remediate.rehearsal.faults.units import (
    LineAppended,
    PortTaken,
    SocketRemoved,
    UnitFlapping,
    UnitKilled,
    UnitMasked,
    UnitStopped,
)

__all__ = [
    "MARKER",
    "CacheElsewhere",
    "ConnectionsHeld",
    "DatabaseMissing",
    "DeployRunning",
    "Fault",
    "JobsFailed",
    "LineAppended",
    "Maintenance",
    "PasswordChanged",
    "PoolExhausted",
    "PoolHung",
    "PortTaken",
    "QueryRunaway",
    "RedisFull",
    "RedisKilled",
    "RedisLoading",
    "RedisPassword",
    "RedisReplica",
    "RedisStopped",
    "RootShell",
    "RouteBroken",
    "SecretChanged",
    "ServerCrashed",
    "ServerFrozen",
    "SocketRemoved",
    "StoreStopped",
    "TableLocked",
    "TransactionForgotten",
    "UnitFlapping",
    "UnitKilled",
    "UnitMasked",
    "UnitStopped",
    "WorkersCrashing",
    "WorkersFatal",
    "WorkersStopped",
]
