"""Processes that run away, and what a host answers of them."""

from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.laravel import App, Deploy
from remediate.probes.load import SlowQueries
from remediate.probes.processes import Process, Processes
from remediate.remedies.process import EndProcess
from support import examples as ex
from support import load_examples as exl

PATH = "/home/forge/agency-platform"
END = EndProcess(user="forge", login="ops", protected=("meilisearch",), restartable=("sync",), php="php8.2", path=PATH)
USAGE = Processes()
APP, DEPLOY = App(php="php8.2", path=PATH, user="forge"), Deploy(user="forge")
QUERIES = SlowQueries(php="php8.2", path=PATH, user="forge", seconds=30)
Answers = dict[Probe[Fact], Fact | Unreadable]

OURS = exl.process()
WORKER = exl.process(
    300, unit="supervisor.service", name="php8.2", arguments=f"/usr/bin/php8.2 {PATH}/artisan queue:work redis"
)
CULPRITS: dict[str, tuple[Process, str]] = {
    "the application's, in no unit": (OURS, "proceed"),
    "of the login": (exl.process(user="ops"), "proceed"),
    "started by cron": (exl.process(unit="cron.service"), "proceed"),
    "of a login session": (exl.process(unit="user@1000.service"), "proceed"),
    "of a user's own service": (exl.process(unit="user@1000.service/import.service"), "unit-process"),
    "of a user's service with the name of one of ours": (
        exl.process(unit="user@1000.service/sync.service"),
        "unit-process",
    ),
    "a queue worker": (WORKER, "proceed"),
    "too big": (exl.process(excess="memory", cpu=0, memory_kib=20_000_000), "proceed"),
    "of a pool": (exl.process(unit="php8.2-fpm.service", name="php-fpm8.2"), "skip"),
    "of a unit that may be restarted": (exl.process(unit="sync.service"), "skip"),
    "of a unit that would start it again": (exl.process(unit="import.service"), "unit-process"),
    "supervised, and no worker": (exl.process(unit="supervisor.service"), "unit-process"),
    "root's": (exl.process(user="root"), "foreign-process"),
    "somebody else's": (exl.process(user="ana"), "foreign-process"),
    "nobody knows whose": (exl.process(user="?"), "foreign-process"),
    "root's, in a unit": (exl.process(user="root", unit="backup.service"), "unit-process"),
    "a database": (exl.process(name="mariadbd", user="mysql", unit="mariadb.service"), "protected-process"),
    "a backup": (exl.process(name="mysqldump", unit="cron.service"), "protected-process"),
    "sshd": (exl.process(name="sshd"), "protected-process"),
    "protected by the inventory": (exl.process(name="meilisearch"), "protected-process"),
    "the first of all": (exl.process(1, user="root", name="init"), "protected-process"),
    "the kernel's": (exl.process(50, user="root", name="kswapd0", parent=2), "protected-process"),
}


def facts(*processes: Process, **changed: Fact | Unreadable) -> Answers:
    usage = exl.busy(*processes, cores=1)
    answers: Answers = {USAGE: usage, DEPLOY: ex.NO_DEPLOY, APP: ex.APP, QUERIES: exl.NO_QUERIES}
    return {**answers, **{_BY_NAME[name]: fact for name, fact in changed.items()}}


_BY_NAME: dict[str, Probe[Fact]] = {"usage": USAGE, "deploy": DEPLOY, "app": APP, "queries": QUERIES}
