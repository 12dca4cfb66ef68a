"""Faults as values: each breaks a disposable host in one way, says how, and undoes itself."""

from remediate.rehearsal.faults.application import DeployRunning, Maintenance, TableLocked
from remediate.rehearsal.faults.certificate import (
    CertbotAtWork,
    CertificateElsewhere,
    ChallengeShut,
    IssuedOften,
    LineageReplaced,
    RenewalHindered,
)
from remediate.rehearsal.faults.database import (
    ConnectionsHeld,
    DatabaseMissing,
    PasswordChanged,
    QueryRunaway,
    ServerCrashed,
    ServerFrozen,
    TransactionForgotten,
)
from remediate.rehearsal.faults.disk import (
    ROOM,
    DeletedLogFilled,
    DiskWritten,
    FileFilled,
    LaravelLogFilled,
    LogLinked,
)
from remediate.rehearsal.faults.fault import MARKER, Fault, RootShell
from remediate.rehearsal.faults.load import PROCESSOR, PhpRunaway, QueryComputing, Runaway, UnitRunaway
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
    SocketAstray,
    SocketRemoved,
    UnitFlapping,
    UnitKilled,
    UnitMasked,
    UnitStopped,
)

__all__ = [
    "MARKER",
    "PROCESSOR",
    "ROOM",
    "CacheElsewhere",
    "CertbotAtWork",
    "CertificateElsewhere",
    "ChallengeShut",
    "ConnectionsHeld",
    "DatabaseMissing",
    "DeletedLogFilled",
    "DeployRunning",
    "DiskWritten",
    "Fault",
    "FileFilled",
    "IssuedOften",
    "JobsFailed",
    "LaravelLogFilled",
    "LineAppended",
    "LineageReplaced",
    "LogLinked",
    "Maintenance",
    "PasswordChanged",
    "PhpRunaway",
    "PoolExhausted",
    "PoolHung",
    "PortTaken",
    "QueryComputing",
    "QueryRunaway",
    "RedisFull",
    "RedisKilled",
    "RedisLoading",
    "RedisPassword",
    "RedisReplica",
    "RedisStopped",
    "RenewalHindered",
    "RootShell",
    "RouteBroken",
    "Runaway",
    "SecretChanged",
    "ServerCrashed",
    "ServerFrozen",
    "SocketAstray",
    "SocketRemoved",
    "StoreStopped",
    "TableLocked",
    "TransactionForgotten",
    "UnitFlapping",
    "UnitKilled",
    "UnitMasked",
    "UnitRunaway",
    "UnitStopped",
    "WorkersCrashing",
    "WorkersFatal",
    "WorkersStopped",
]
