"""Handovers: the first cause that another playbook fixes is named, if known."""

import pytest

from remediate.core.facts import Facts
from remediate.core.host import Settings
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.core.verdict import HANDOVERS
from remediate.errors import Unreadable
from remediate.probes.filesystems import DiskSpace, DiskSpaceState, FileSystem
from remediate.probes.http import HttpFailure, Site
from remediate.probes.laravel import AppDatabase, DatabaseState, DatabaseTrouble
from remediate.probes.queue_motion import QueueMotion, QueueMotionState
from remediate.probes.redis import AppRedis
from remediate.probes.stores import Trouble
from remediate.probes.supervisor import Workers
from remediate.probes.systemd import Unit
from remediate.project.project import Project
from remediate.remedies.handover import HandOver
from support import cache_examples as exr
from support import daily_examples as exd
from support import examples as ex
from support import load_examples as exl
from support.hosts import host_with
from support.toys import LOST, decide

PATH = "/home/forge/agency-platform"
HOST = host_with(
    {
        "site_url": "https://example.com/",
        "site_vantage": ["controller"],
        "app_path": PATH,
        "php": "php8.2",
        "worker_program": "agency-worker",
        "log_paths": ["/var/log/nginx/access.log"],
    }
)
PAGE = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
WORKERS, DISK = Workers(program="agency-worker"), DiskSpace()
FPM, NGINX = Unit(name="php8.2-fpm"), Unit(name="nginx")
DATABASE = AppDatabase(php="php8.2", path=PATH, user="forge")
REDIS = AppRedis(php="php8.2", path=PATH, user="forge")


def room(full: str, *, inodes: bool = False) -> DiskSpaceState:
    percent, files = (20, 100) if inodes else (100, 3)
    ill = FileSystem(mount=full, used_kib=1_000_000, available_kib=0, percent=percent, inodes_percent=files)
    return exl.ROOM.model_copy(update={"systems": (*(each for each in exl.ROOM.systems if each.mount != full), ill)})


DOWN = DatabaseState(trouble=DatabaseTrouble.REFUSED, waiting=0)
WELL: dict[Probe[Fact], Fact | Unreadable] = {
    PAGE: ex.page(),
    WORKERS: ex.workers("RUNNING"),
    DISK: exl.ROOM,
    FPM: ex.RUNNING,
    NGINX: ex.RUNNING,
    DATABASE: ex.DATABASE,
    REDIS: exr.redis(),
}
FAILING = {**WELL, PAGE: ex.page(500)}
CAUSES: dict[str, dict[Probe[Fact], Fact | Unreadable]] = {
    "high-load": {DISK: room("/")},
    "app-down": {NGINX: ex.STOPPED},
    "certificate-expiry": {PAGE: ex.no_page(HttpFailure.CERTIFICATE)},
    "database-down": {DATABASE: DOWN},
    "cache-down": {REDIS: exr.redis(Trouble.REFUSED)},
}
OTHERS = "payments-failing"
"""A playbook that is nobody's cause: to it every one of them may be handed over."""


def step(own: str) -> HandOver:
    return HandOver.on(HOST, own=own)


def asked(own: str, facts: dict[Probe[Fact], Fact | Unreadable]) -> str:
    remedy = step(own)
    return decide(remedy, {probe: fact for probe, fact in facts.items() if probe in remedy.probes()})


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_the_playbook_that_mends_it(cause: str) -> None:
    assert asked(OTHERS, {**FAILING, **CAUSES[cause]}) == cause


OWN = HOST.model_copy(
    update={
        "settings": Settings.model_validate(
            {
                **HOST.settings.model_dump(exclude_unset=True),
                "database": {"unit": "mariadb"},
                "redis": {"unit": "redis-server"},
            }
        )
    }
)


@pytest.mark.parametrize(
    ("unit", "asked_of", "whose"), [("mariadb", DATABASE, "database-down"), ("redis-server", REDIS, "cache-down")]
)
def test_the_unit_of_a_store_tells_where_the_application_cannot(unit: str, asked_of: Probe[Fact], whose: str) -> None:
    stores: dict[Probe[Fact], Fact | Unreadable] = {
        Unit(name="mariadb"): ex.RUNNING,
        Unit(name="redis-server"): ex.RUNNING,
    }
    facts = {**FAILING, **stores, asked_of: LOST}
    every, own = HandOver.on(OWN, own=OTHERS), HandOver.on(OWN, own=whose)
    assert decide(every, facts) == "skip"
    assert decide(every, {**facts, Unit(name=unit): ex.STOPPED}) == whose
    assert Unit(name=unit) not in own.probes()


@pytest.mark.parametrize("cause", CAUSES)
def test_what_a_playbook_mends_itself_is_not_handed_over(cause: str) -> None:
    assert asked(cause, {**FAILING, **CAUSES[cause]}) == "skip"
    assert not {probe for probe in CAUSES[cause] if probe != PAGE}.intersection(step(cause).probes())


def test_nothing_is_handed_over_while_all_is_well_that_users_notice() -> None:
    every = {probe: fact for cause in CAUSES.values() for probe, fact in cause.items()}
    assert asked(OTHERS, {**WELL, **every, PAGE: ex.page()}) == "skip"
    assert asked(OTHERS, {**WELL, **every, PAGE: ex.page(), WORKERS: ex.workers("FATAL")}) == "high-load"


def test_what_is_well_is_what_was_looked_at() -> None:
    queue = QueueMotion(php="php8.2", path=PATH, user="forge")
    remedy = HandOver.on(HOST, own="app-down", failing=(PAGE, WORKERS, queue))

    def why(state: Fact) -> str:
        return remedy.guard(Facts({**WELL, queue: state})).reason

    assert why(exd.motion()) == "pages answer, the queue moves"
    assert why(QueueMotionState(trouble=None, driver="sync")) == "pages answer, workers run"
    assert why(exd.stuck(1)) == "no other incident's cause is seen"
    assert step("app-down").guard(Facts(WELL)).reason == "pages answer, workers run"
    assert HandOver.on(HOST, own="app-down", failing=(PAGE,)).guard(Facts(WELL)).reason == "pages answer"


def test_the_one_that_would_explain_the_others_comes_first() -> None:
    facts = {**FAILING}
    for cause in reversed(CAUSES):
        facts.update(CAUSES[cause])
        assert asked(OTHERS, facts) == cause


@pytest.mark.parametrize("probe", [DISK, NGINX, DATABASE, REDIS], ids=lambda probe: str(probe.kind))
def test_a_cause_that_cannot_be_read_is_nobodys(probe: Probe[Fact]) -> None:
    assert asked(OTHERS, {**FAILING, probe: LOST}) == "skip"


@pytest.mark.parametrize("mount", ["/", "/var", "/var/lib", "/home", "/home/forge", "/var/log/nginx"])
def test_a_disk_that_the_application_needs_is_high_load(mount: str) -> None:
    assert asked(OTHERS, {**FAILING, DISK: room(mount)}) == "high-load"
    assert asked(OTHERS, {**FAILING, DISK: room(mount, inodes=True)}) == "high-load"


@pytest.mark.parametrize("mount", ["/boot", "/mnt/image", "/home/ana", "/srv/backup"])
def test_a_disk_that_it_does_not_need_keeps_nothing_from_being_mended(mount: str) -> None:
    assert asked(OTHERS, {**FAILING, DISK: room(mount)}) == "skip"


def test_users_that_cannot_be_asked_are_not_well_for_certain() -> None:
    assert asked(OTHERS, {**WELL, PAGE: LOST}) == "skip"
    assert asked(OTHERS, {**WELL, PAGE: LOST, DATABASE: DOWN}) == "database-down"


def test_what_it_says_and_that_every_name_is_a_playbook() -> None:
    remedy = step(OTHERS)
    verdict = remedy.guard(Facts({**FAILING, DATABASE: DOWN}))
    assert verdict.reason == "database: connection refused"
    assert {code.name for code in remedy.refusals} == HANDOVERS
    assert set(Project(None).playbooks()) >= HANDOVERS


EXAMPLES = {
    "incident.hand-over": (
        step(OTHERS),
        {**FAILING, DATABASE: DOWN},
        WELL,
        tuple({**FAILING, **cause} for cause in CAUSES.values()),
    )
}
"""For the contract of every remedy: on what it speaks, on what it is silent, and what else its guard must bear."""
