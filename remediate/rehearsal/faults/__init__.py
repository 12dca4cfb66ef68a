"""Faults as values: each breaks a disposable host in one way and undoes itself."""

from remediate.rehearsal.faults.application import DeployRunning, Maintenance, TableLocked
from remediate.rehearsal.faults.certificate import (
    CertbotAtWork,
    CertificateElsewhere,
    ChallengeShut,
    IssuedOften,
    LineageReplaced,
    NameTaken,
    RenewalHindered,
)
from remediate.rehearsal.faults.database import (
    AccountElsewhere,
    DatabaseMissing,
    PasswordChanged,
    ServerCrashed,
    ServerFrozen,
)
from remediate.rehearsal.faults.disk import ROOM, DeletedLogFilled, DiskWritten, FileFilled, LaravelLogFilled, LogLinked
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
from remediate.rehearsal.faults.sessions import ConnectionsBusy, ConnectionsHeld, QueryRunaway, TransactionForgotten
from remediate.rehearsal.faults.supervisor import (
    WorkersCrashing,
    WorkersElsewhere,
    WorkersFatal,
    WorkersHalted,
    WorkersStopped,
)
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
    "AccountElsewhere",
    "CacheElsewhere",
    "CertbotAtWork",
    "CertificateElsewhere",
    "ChallengeShut",
    "ConnectionsBusy",
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
    "NameTaken",
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
    "WorkersElsewhere",
    "WorkersFatal",
    "WorkersHalted",
    "WorkersStopped",
]
