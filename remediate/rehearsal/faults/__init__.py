"""Faults as values: each breaks a disposable host in one way, says how, and undoes itself."""

from collections.abc import Mapping
from typing import Final

from remediate.rehearsal.faults.application import DeployRunning, Maintenance, TableLocked
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
    "FAULTS",
    "MARKER",
    "DeployRunning",
    "Fault",
    "LineAppended",
    "Maintenance",
    "PoolExhausted",
    "PoolHung",
    "PortTaken",
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

_APP = "/home/forge/agency-platform"
_POOL = "/etc/php/8.2/fpm/pool.d/www.conf"

FAULTS: Final[Mapping[str, Fault]] = {
    "php-fpm-stopped": UnitStopped(unit="php8.2-fpm"),
    "php-fpm-killed": UnitKilled(unit="php8.2-fpm"),
    "php-fpm-masked": UnitMasked(unit="php8.2-fpm"),
    "php-fpm-flapping": UnitFlapping(unit="php8.2-fpm"),
    "php-fpm-broken": LineAppended(path=_POOL, line="nonsense = 1", stops="php8.2-fpm"),
    "php-fpm-socket": SocketRemoved(path="/run/php/php8.2-fpm.sock", unit="php8.2-fpm"),
    "php-fpm-hung": PoolHung(php="php8.2"),
    "php-fpm-exhausted": PoolExhausted(php="php8.2", public=f"{_APP}/public", url="https://staging.example.com"),
    "nginx-stopped": UnitStopped(unit="nginx"),
    "nginx-broken": LineAppended(path="/etc/nginx/nginx.conf", line="nonsense on;"),
    "nginx-stopped-broken": LineAppended(path="/etc/nginx/nginx.conf", line="nonsense on;", stops="nginx"),
    "nginx-port-taken": PortTaken(unit="nginx", port=80),
    "supervisor-stopped": UnitStopped(unit="supervisor"),
    "supervisor-killed": UnitKilled(unit="supervisor"),
    "workers-stopped": WorkersStopped(program="agency-worker"),
    "workers-fatal": WorkersFatal(program="agency-worker", script=f"{_APP}/artisan"),
    "workers-crashing": WorkersCrashing(program="agency-worker", config="/etc/supervisor/conf.d/agency-worker.conf"),
    "maintenance": Maintenance(path=_APP),
    "deploy-running": DeployRunning(unit="php8.2-fpm"),
    "database-locked": TableLocked(database="agency", url="https://staging.example.com/"),
}
"""The faults that `staging.break` knows on the stock staging host, by name."""
