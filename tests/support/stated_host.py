"""Facts about a host, of every kind."""

from datetime import UTC, datetime

from remediate.core.probe import Fact, Probe
from remediate.probes.apt import Patches, PatchState
from remediate.probes.backup import RestoredBackup, RestoredState, RestoredTable, RestoreState
from remediate.probes.consumers import Consumer, ConsumerList, Consumers
from remediate.probes.discover_php import DiscoverPhp, InstalledPhp
from remediate.probes.disk_writers import DiskWriterList, DiskWriters
from remediate.probes.files import LogFileList, LogFiles
from remediate.probes.filesystems import DiskSpace, DiskSpaceState
from remediate.probes.journald import JournalFiles, JournalUse
from remediate.probes.load import Load, SlowQueries
from remediate.probes.machine import MachineIdentity, ThisMachine
from remediate.probes.mysql import ConnectionHolder, FirstQuery, IdleState, LongestIdle, Sessions, SessionsState
from remediate.probes.mysql_accounts import AccountHosts, AccountState
from remediate.probes.mysql_data import DataDirectory, DataRoom
from remediate.probes.mysql_session import OneSession, SessionState
from remediate.probes.network import PortOwner
from remediate.probes.open_files import DeletedFiles, HeldLogs, LogWriters, OpenFiles
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.processes import Processes, UnitUsage
from remediate.probes.sudo import Sudo, SudoRule, SudoRules
from remediate.probes.systemd import Unit, UnitLog
from support import daily_examples as daily
from support import examples as ex
from support import load_examples as exl
from support.host_paths import APP_PATH

OF_HOST: dict[Probe[Fact], tuple[Fact, ...]] = {
    Unit(name="php8.2-fpm"): (
        *(ex.RUNNING, ex.STOPPED, ex.FAILED, ex.START_LIMIT, ex.STARTING, ex.MASKED, ex.MISSING),
        ex.started_again(ex.FAILED),
        ex.RUNNING.model_copy(update={"changed_at": datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)}),
    ),
    UnitLog(name="nginx"): (ex.LINES, ex.NO_LINES),
    PhpFpmConfig(php="php8.2"): (ex.SOUND, ex.BROKEN_CONFIG, ex.UNCHECKED),
    DiscoverPhp(): (
        InstalledPhp(enabled=("php8.2", "php8.3"), served=("php8.3",)),
        InstalledPhp(enabled=(), served=()),
    ),
    ThisMachine(): (MachineIdentity(machine_id="a", boot_id="b", uptime=12.5),),
    Sudo(): (
        SudoRules(user="root", rules=()),
        SudoRules(
            user="ops", rules=(SudoRule(run_as=("root", "forge"), command="/usr/sbin/nginx -t", password=False),)
        ),
    ),
    PortOwner(port=80): (ex.NOBODY, ex.listening(("nginx", 69), ("nginx", 70)), ex.listening(("a b", 3))),
    Sessions(): (
        *(ex.SESSIONS, ex.NO_SERVER),
        SessionsState(up=True, limit=151, waiting=True, sessions=(ex.session(), ex.session(58, command="Query"))),
        SessionsState(
            up=True,
            limit=20,
            full=True,
            tight=True,
            holders=(
                ConnectionHolder(user="reports", idle=True, count=18),
                ConnectionHolder(user="shop", idle=False, count=2),
            ),
            sessions=(ex.session(user="reports", database=None, blocks=False, transaction=False),),
        ),
    ),
    LongestIdle(user="shop"): (IdleState(id=None), IdleState(id=57)),
    FirstQuery(user="shop"): (IdleState(id=None), IdleState(id=57)),
    AccountHosts(user="shop"): (AccountState(hosts=()), AccountState(hosts=("localhost", "10.0.0.%"))),
    OneSession(id=57, user="ana", started=1795443941): (
        *(SessionState(session=session) for session in (None, ex.session(user="ana"))),
        SessionState(session=None, ending=True),
    ),
    DataDirectory(): (ex.DATA_ROOM, DataRoom(writable=False, percent=100, inodes=0)),
    Processes(): (
        exl.USAGE,
        exl.busy(exl.process(), exl.process(284, unit="cron.service", arguments="", excess=None)),
        exl.busy(units=(UnitUsage(unit="php8.2-fpm.service", memory_kib=14_000_000),)),
    ),
    Load(): (exl.LOAD, exl.LOAD.model_copy(update={"container": True, "swap_kib": 1024})),
    SlowQueries(php="php8.2", path=APP_PATH, user="forge"): (exl.NO_QUERIES, exl.SLOW_QUERY),
    DiskSpace(): (
        *(exl.ROOM, exl.NO_ROOM, exl.ROOM.model_copy(update={"trouble": "df: /srv: Input/output error"})),
        DiskSpaceState(
            systems=(exl.ROOM.systems[1].model_copy(update={"device": 50, "also": ("/a b", "/c")}),), limit=95
        ),
    ),
    Consumers(): (
        exl.NO_CONSUMERS,
        ConsumerList(
            consumers=(Consumer(path="/a b", size_kib=70_000), Consumer(path="/tmp", files=9)), places=("/a b",)
        ),
        ConsumerList(consumers=(), places=("/",), closed=3, such_as="/root/a b", late=True),
    ),
    LogFiles(paths=("/var/log/nginx/access.log", "/nope/x")): (
        exl.NO_FILES,
        LogFileList(files=(exl.log_file(),), unseen=("/nope/x",)),
        LogFileList(files=(exl.log_file(kind="link", on_full=False, big=False, safe_folder=False),), unseen=()),
    ),
    LogWriters(paths=("/var/log/nginx/access.log",)): (
        exl.NO_OPEN,
        OpenFiles(files=(exl.opened(appends=True), exl.opened("python3", 99))),
    ),
    DiskWriters(): (
        exl.NO_WRITERS,
        DiskWriterList(writers=(exl.writer(), exl.writer(unit=None, deleted=True, grown_kib=-8, path="/a  b "))),
    ),
    DeletedFiles(): (exl.NO_OPEN, OpenFiles(files=(exl.opened(size=67_108_864),))),
    HeldLogs(): (exl.NO_OPEN,),
    JournalFiles(): (exl.JOURNAL, JournalUse(mount="", size_kib=0, files="")),
    Patches(): (
        *(daily.patches(), daily.patches(indices=(), stamp=daily.NOW), PatchState(manager="dnf")),
        daily.patches(daily.FIX.model_copy(update={"held": True}), daily.OTHER, daily.THIRD, unattended=True),
        daily.patches(daily.OTHER.model_copy(update={"supersedes": "5.2.15-2+b9", "installed": None})),
        daily.patches(kept=("a", "b"), complete=False),
        daily.patches(reboot=("/run/reboot-required is there (for no package)",)),
        daily.patches(reboot=("kernel 6.1.0-39-amd64 runs, 6.1.0-40-amd64 is installed",)),
    ),
    RestoredBackup(files="/var/backups/agency/*"): (
        RestoredState(
            state=RestoreState.RESTORED,
            file="/var/backups/agency/a b.sql.gz",
            old=3600,
            completed=7200,
            size=4711,
            sql=47110,
            server="10.11.19-MariaDB",
            seconds=1.5,
            count=2,
            tables=(
                RestoredTable(database="agency", name="payments", rows=12, newest="2026-11-23T08:00:00"),
                RestoredTable(database="agency", name='od`d "t\ab', rows=0, newest=None),
            ),
        ),
        *(
            RestoredState(state=state, why="ERROR at line 2: why", file="/a.sql", old=-5, size=1)
            for state in RestoreState
            if state is not RestoreState.RESTORED
        ),
        RestoredState(state=RestoreState.MISSING),
    ),
}
