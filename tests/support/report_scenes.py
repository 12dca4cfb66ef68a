"""Runs to tell of: one scene for each way that a run can end."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from remediate.core.command import Output
from remediate.core.options import Options
from remediate.core.playbook import Runnable
from remediate.engine.judge import RULES
from remediate.errors import UnreachableCode, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.filesystems import DiskSpace
from remediate.probes.folders import ClosedPath, Folders, FoldersState
from remediate.probes.laravel_log import AppLog
from remediate.probes.network import PortOwner
from remediate.probes.nginx import ErrorLogEnd, NginxErrorLogs, NginxLog
from remediate.probes.nginx_site import NginxSite, Target
from remediate.probes.php_fpm import Ping
from remediate.probes.sudo import SudoRules
from remediate.probes.systemd import LogLines, UnitLog
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.remedies.single import SingleRemedy
from remediate.testing import ScriptedEvent
from support import examples as ex
from support import load_examples as exl
from support.incidents import (
    AGAIN,
    DAEMON,
    DEPLOY,
    FPM,
    FPM_CONFIG,
    HEALTHY,
    MAINTENANCE,
    NGINX,
    NGINX_CONFIG,
    PAGES,
    PATH,
    POOLS,
    UP,
    broken,
    mended,
    restart,
)
from support.scripted import Changes, FactSession

NOW: Final = Options(hold=0, yes=True)
PLAN: Final = Options(plan=True)


class Scene(NamedTuple):
    """One run: on which host, and how it was asked for."""

    session: Callable[[], FactSession]
    options: Options = NOW
    runnable: Runnable = app_down
    inventory: str | None = None


LOGS: Changes = {
    UnitLog(name="php8.2-fpm"): LogLines(
        lines=(
            "systemd[1]: Starting The PHP 8.2 FastCGI Process Manager...",
            "php-fpm8.2[1041]: ERROR: unable to bind listening socket for address '/run/php/php8.2-fpm.sock'",
            "php-fpm8.2[1041]: ERROR: FPM initialization failed",
            "systemd[1]: php8.2-fpm.service: Main process exited, code=exited, status=255/EXCEPTION",
        )
    ),
    NginxLog(): NginxErrorLogs(
        files=(
            ErrorLogEnd(
                path="/var/log/nginx/error.log",
                lines=("2026/11/23 08:31:12 [crit] 69#69: *17 connect() to unix:/run/php/php8.2-fpm.sock",),
            ),
        )
    ),
    AppLog(path=PATH): LogLines(lines=('[2026-11-23 08:31:11] production.ERROR: Class "App\\Shop" not found',)),
}
ASTRAY: Changes = {
    NginxSite(domain="example.com"): ex.SITE_SERVED.model_copy(
        update={
            "targets": (Target(address="/run/php/shop.sock", there=False),),
            "error_logs": ("/var/log/nginx/example.com-error.log",),
        }
    ),
    NginxLog(): NginxErrorLogs(
        files=(
            ErrorLogEnd(
                path="/var/log/nginx/example.com-error.log",
                lines=(
                    "2026/11/23 08:31:12 [crit] 69#69: *17 connect() to unix:/run/php/shop.sock failed (2: No such)",
                ),
            ),
            ErrorLogEnd(path="/var/log/nginx/error.log", lines=("2026/11/23 08:31:12 [error] 69#69: of another site",)),
        )
    ),
    Folders(path=PATH, user="forge"): FoldersState(
        user="forge", closed=(ClosedPath(path="storage/framework/views", owner="root:root 755"),)
    ),
}
DOWN: Changes = {**broken("php-fpm down"), POOLS: ex.pools(Ping.REFUSED, children=0, listens=False), **LOGS}
BACK: Changes = {FPM: AGAIN, POOLS: ex.POOLS}
BROKEN_POOL: Changes = {
    FPM_CONFIG: ex.BROKEN_CONFIG.model_copy(
        update={"file": "/etc/php/8.2/fpm/pool.d/www.conf", "line": 12, "message": "unknown entry 'pm.max_childrenn'"}
    )
}
FAILS_AGAIN: Changes = {
    restart("php8.2-fpm"): Output(exit=1, stderr="Job for php8.2-fpm.service failed because the process exited.\n")
}
HOLDER = "   42 timeout -k 5 190 /bin/sh -s remediate-apply bo@desk run-6f1b php-fpm.restart"


def session(first: Changes, *acts: Changes | ScriptedEvent, **rest: object) -> Callable[[], FactSession]:
    """Make the same session each time: a session remembers what was done to it."""
    return lambda: FactSession(first, *acts, **rest)  # type: ignore[arg-type]


SCENES: Final[Mapping[str, Scene]] = {
    "healthy": Scene(session(HEALTHY)),
    "healthy-but": Scene(session({**HEALTHY, NGINX_CONFIG: ex.BROKEN_CONFIG, DiskSpace(): exl.NO_ROOM_AT_ALL})),
    "fixed": Scene(session(DOWN, {**BACK, **UP})),
    "fixed-two-causes": Scene(
        session(broken("nginx down", "supervisor down"), *mended(["nginx down", "supervisor down"]))
    ),
    "fixed-overridden": Scene(
        session({**DOWN, FPM: ex.START_LIMIT}, {**BACK, FPM: ex.started_again(ex.START_LIMIT), **UP}),
        Options(hold=0, yes=True, overrides={"start-limit-hit": "the disk has room again"}),
    ),
    "plan": Scene(session({**DOWN, NGINX: ex.STOPPED}), PLAN),
    "plan-other-inventory": Scene(session(DOWN), PLAN, inventory="my hosts/prod.yml"),
    "plan-healthy": Scene(session(HEALTHY), PLAN),
    "refused-config-broken": Scene(session({**DOWN, **BROKEN_POOL})),
    "refused-maintenance": Scene(session({**DOWN, **MAINTENANCE})),
    "refused-deploy": Scene(session({**DOWN, DEPLOY: ex.DEPLOYING})),
    "refused-port-taken": Scene(session({**broken("nginx down"), PortOwner(port=80): ex.listening(("python3", 4711))})),
    "refused-locked": Scene(session(DOWN, ScriptedEvent.LOCKED, holder=HOLDER)),
    "refused-sudo": Scene(session({**DOWN, RULES: SudoRules(user="forge", rules=())})),
    "refused-unreadable": Scene(session({**HEALTHY, DAEMON: Unreadable("supervisor: systemctl: no answer in 5 s")})),
    "unexplained": Scene(session({**HEALTHY, **dict.fromkeys(PAGES, ex.page(500)), **LOGS})),
    "unexplained-unequal": Scene(session({**HEALTHY, **dict.fromkeys(PAGES, ex.page(502)), **LOGS, **ASTRAY})),
    "not-fixed": Scene(session(DOWN, FAILS_AGAIN)),
    "not-fixed-symptom-persists": Scene(session(DOWN, BACK)),
    "not-fixed-not-holding": Scene(session(DOWN, {**BACK, **UP}, at={4: {FPM: ex.FAILED}})),
    "unknown": Scene(session(DOWN, {FPM: Unreadable("php8.2-fpm: systemctl: no answer in 5 s"), **UP})),
    "unreachable": Scene(session({}, unreachable=UnreachableCode.REFUSED)),
    "one-remedy": Scene(session(DOWN, BACK), runnable=SingleRemedy(RestartPhpFpm)),
    "one-remedy-plan": Scene(session(DOWN), PLAN, SingleRemedy(RestartPhpFpm)),
}
