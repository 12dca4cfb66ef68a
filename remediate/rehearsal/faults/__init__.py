"""Faults as values: each breaks a disposable host in one way, says how, and undoes itself."""

from remediate.rehearsal.faults.application import DeployRunning, Maintenance, TableLocked
from remediate.rehearsal.faults.disk import DeletedLogFilled, FileFilled, LaravelLogFilled, LogLinked
from remediate.rehearsal.faults.fault import MARKER, Fault, RootShell
from remediate.rehearsal.faults.load import PhpRunaway, QueryRunaway, Runaway, UnitRunaway
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
    "DeletedLogFilled",
    "DeployRunning",
    "Fault",
    "FileFilled",
    "LaravelLogFilled",
    "LineAppended",
    "LogLinked",
    "Maintenance",
    "PhpRunaway",
    "PoolExhausted",
    "PoolHung",
    "PortTaken",
    "QueryRunaway",
    "RootShell",
    "Runaway",
    "SocketRemoved",
    "TableLocked",
    "UnitFlapping",
    "UnitKilled",
    "UnitMasked",
    "UnitRunaway",
    "UnitStopped",
    "WorkersCrashing",
    "WorkersFatal",
    "WorkersStopped",
]
