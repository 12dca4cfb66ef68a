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
from remediate.rehearsal.faults.fault import MARKER, Fault, RootShell
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
    "CertbotAtWork",
    "CertificateElsewhere",
    "ChallengeShut",
    "DeployRunning",
    "Fault",
    "IssuedOften",
    "LineAppended",
    "LineageReplaced",
    "Maintenance",
    "PoolExhausted",
    "PoolHung",
    "PortTaken",
    "RenewalHindered",
    "RootShell",
    "SocketRemoved",
    "TableLocked",
    "UnitFlapping",
    "UnitKilled",
    "UnitMasked",
    "UnitStopped",
    "WorkersCrashing",
    "WorkersFatal",
    "WorkersStopped",
]
