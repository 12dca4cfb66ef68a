"""Faults as values: each breaks a disposable host in one way, says how, and undoes itself."""

from remediate.rehearsal.faults.application import DeployRunning, Maintenance, TableLocked
from remediate.rehearsal.faults.fault import MARKER, Fault, RootShell
from remediate.rehearsal.faults.payments import JobsFailed, RouteBroken, SecretChanged, StoreStopped
from remediate.rehearsal.faults.php_fpm import PoolExhausted, PoolHung
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
    "DeployRunning",
    "Fault",
    "JobsFailed",
    "LineAppended",
    "Maintenance",
    "PoolExhausted",
    "PoolHung",
    "PortTaken",
    "RootShell",
    "RouteBroken",
    "SecretChanged",
    "SocketRemoved",
    "StoreStopped",
    "TableLocked",
    "UnitFlapping",
    "UnitKilled",
    "UnitMasked",
    "UnitStopped",
    "WorkersCrashing",
    "WorkersFatal",
    "WorkersStopped",
]
