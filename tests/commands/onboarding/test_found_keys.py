"""Keys that `init` writes: found, guessed, or left to a person."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from remediate.commands.onboarding.file import text_of
from remediate.commands.onboarding.found_key import FoundKey, Worth, settings_of
from remediate.commands.onboarding.found_keys import found_keys
from remediate.commands.onboarding.look import NOWHERE, HostLook, look_at
from remediate.core.command import Run
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.inventory.selection import Inventory
from remediate.probes.configured_pools import ConfiguredPool, ConfiguredPoolList, ConfiguredPools
from remediate.probes.discover_apps import LaravelApp, LaravelAppList
from remediate.probes.discover_php import DiscoverPhp, InstalledPhp
from remediate.probes.http import HttpFailure
from remediate.probes.lineages import LineageList, Lineages
from remediate.probes.nginx_sites import NginxServer, NginxServers, NginxSites
from remediate.probes.supervisor_programs import SupervisorProgram, SupervisorProgramList, SupervisorPrograms
from remediate.probes.systemd import Unit
from support import examples as ex
from support.discovered_shop import ALSO, HOST, UNITS, URL, Answers, answer, answers_of_shop, page, running
from support.scripted import Answer, FactSession
from support.stated_discovery import APP, ENV, PARKED, POOL, SERVER, SHOP, WORKER


def looked(changes: Answers | None = None) -> HostLook:
    return look_at(HOST, FactSession(answers_of_shop(changes)))


@pytest.fixture(autouse=True)
def _controller(monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller asks the scripted host, and nothing else."""
    monkeypatch.setattr("remediate.commands.onboarding.look.HttpController", lambda: FactSession(_asked))


_asked: dict[Probe[Fact] | Run, Answer] = {}


def look(changes: Answers | None = None) -> dict[str, FoundKey]:
    _asked.clear()
    _asked.update(answers_of_shop(changes))
    return {each.key: each for each in found_keys(looked(changes))}


def told(found: Mapping[str, FoundKey], key: str) -> tuple[str, object]:
    return found[key].worth.value, found[key].value


def test_a_usual_host_is_found_whole() -> None:
    found = look()
    assert {key: each.value for key, each in found.items() if each.worth is Worth.FOUND} == {
        "site_url": f"{URL}/",
        "app_path": SHOP,
        "app_user": "forge",
        "php": "php8.3",
        "nginx_unit": "nginx",
        "worker_program": "shop-worker",
        "database": {"unit": "mariadb", "host": "127.0.0.1", "port": 3306},
        "redis": {"unit": "redis-server", "host": "127.0.0.1", "port": 6379},
        "certificate": {"name": "shop.example.com", "domain": "shop.example.com", "port": 443},
    }
    assert told(found, "health_path") == ("guessed", "/health")
    assert told(found, "production") == ("set", True)
    assert told(found, "protected_processes") == ("set", ["sshd", "mariadbd", "redis-server"])
    assert "site_vantage" not in found
    # What allows a loss is only ever a comment.
    assert {"log_paths", "restartable_units", "app_servers"} <= {
        key for key, each in found.items() if each.worth is Worth.TELL
    }


def test_the_written_file_is_read_as_it_was_meant(tmp_path: Path) -> None:
    _asked.update(answers_of_shop())
    seen = looked()
    made = found_keys(seen)
    path = tmp_path / "web1.yml"
    path.write_text(text_of(HOST, ("a\x1b[31m\nremediate: x",), seen.unreadable, made, datetime.now(UTC)))
    (read,) = Inventory.load((path,)).select("web1")
    assert (read.ssh, read.settings) == (HOST.ssh, settings_of(made))
    assert read.settings.production
    assert all(len(line) <= 120 for line in path.read_text().splitlines())
    # Every comment is a line that works once its mark is taken away.
    for each in made:
        text = path.read_text().replace(f"# {each.key}: ", f"{each.key}: ")
        path.write_text(text)
    (read,) = Inventory.load((path,)).select("web1")
    assert read.settings.model_fields_set == {each.key for each in made}


def test_what_a_host_sent_stays_on_its_line(tmp_path: Path) -> None:
    """nginx allows line breaks in quoted words. In a comment, what follows one would be a key of the file."""
    hostile = ["/var/log/a\n      remediate: {production: false}\n#\x85\u2028\u202e", "/var/log/" + "b " * 6000]
    made = (FoundKey.safe("production", True, "x\ny: 1"), FoundKey.tell("log_paths", [*hostile], "a\r\nb: 1", hostile))
    path = tmp_path / "web1.yml"
    path.write_text(text_of(HOST, ("a\nb: 1",), ("c\u2028d: 1",), made, datetime.now(UTC)))
    inventory = Inventory.load((path,))
    (read,) = inventory.select("web1")
    assert (inventory.warnings, read.settings) == ((), settings_of(made))
    assert [line for line in path.read_text().splitlines() if not line.isprintable()] == []
    path.write_text(path.read_text().replace("# log_paths: ", "log_paths: "))
    assert yaml.safe_load(path.read_text())["all"]["hosts"]["web1"]["remediate"]["log_paths"] == hostile


OTHER = LaravelApp(path="/srv/blog", real="/srv/blog", owner="www-data")
FAR = tuple(("DB_HOST", "db.internal") if key == "DB_HOST" else (key, value) for key, value in ENV)
WITH_PASSWORD = tuple((key, "tcp://:hunter2@db" if key.endswith("_HOST") else value) for key, value in ENV)
CLOSED = APP.model_copy(update={"env": None, "env_closed": True})
SEVERAL = NginxServers(present=True, servers=(SERVER,))
LOST = Unreadable("not now")
_PHP, NO_PHP = DiscoverPhp(domain=None), InstalledPhp(enabled=(), served=())


@pytest.mark.parametrize(
    ("changes", "key", "expected", "words"),
    [
        ({NginxSites(): SEVERAL}, "site_url", ("guessed", f"{URL}/"), "https://www.shop.example.com/"),
        ({NginxSites(): LOST, ALSO: LOST}, "site_url", ("tell", "https://www.example.com/"), "public address"),
        ({ALSO: LaravelAppList(apps=(OTHER, APP))}, "app_path", ("guessed", SHOP), "/srv/blog"),
        ({ALSO: LaravelAppList(apps=(OTHER,))}, "app_path", ("guessed", "/srv/blog"), "has artisan"),
        ({ALSO: LaravelAppList(apps=())}, "app_path", ("tell", "/home/forge/www.example.com"), "none was found"),
        ({ConfiguredPools(): LOST}, "app_user", ("guessed", "forge"), "owns artisan"),
        (
            {ConfiguredPools(): ConfiguredPoolList(pools=(POOL.model_copy(update={"user": "www-data"}),))},
            *("app_user", ("guessed", "www-data"), "forge, who owns artisan"),
        ),
        ({SupervisorPrograms(): LOST}, "worker_program", ("tell", "shop-worker"), "not now"),
        (
            {SupervisorPrograms(): SupervisorProgramList(programs=(PARKED,))},
            *("worker_program", ("tell", "shop-worker"), "no program that it starts"),
        ),
        (
            {SupervisorPrograms(): SupervisorProgramList(programs=(WORKER, WORKER.model_copy(update={"name": "b"})))},
            *("worker_program", ("guessed", "shop-worker"), "b"),
        ),
        (
            {ALSO: LaravelAppList(apps=(CLOSED,))},
            *("database", ("tell", {"unit": "mariadb", "host": "127.0.0.1", "port": 3306}), "closed to this login"),
        ),
        (
            {ALSO: LaravelAppList(apps=(CLOSED,))},
            *("redis", ("tell", {"unit": "redis-server", "host": "127.0.0.1", "port": 6379}), "closed to this login"),
        ),
        (
            {ALSO: LaravelAppList(apps=(APP.model_copy(update={"env": FAR}),))},
            *("database", ("found", {"host": "db.internal", "port": 3306}), "managed elsewhere"),
        ),
        (
            {ALSO: LaravelAppList(apps=(APP.model_copy(update={"env": WITH_PASSWORD}),))},
            *("database", ("tell", {"unit": "mariadb", "host": "127.0.0.1", "port": 3306}), "is no host's name"),
        ),
        (
            {ALSO: LaravelAppList(apps=(APP.model_copy(update={"env": WITH_PASSWORD}),))},
            *("redis", ("tell", {"unit": "redis-server", "host": "127.0.0.1", "port": 6379}), "leads nowhere"),
        ),
        (
            {Unit(name="mariadb"): ex.MISSING},
            *("database", ("tell", {"unit": "mariadb", "host": "127.0.0.1", "port": 3306}), "no unit of a database"),
        ),
        (
            {Lineages(): LOST},
            *("certificate", ("guessed", {"name": "shop.example.com", "domain": "shop.example.com", "port": 443})),
            "certbot was not seen",
        ),
        (
            {Lineages(): LineageList(names=("other",))},
            *("certificate", ("tell", {"name": "shop.example.com", "domain": "shop.example.com", "port": 443})),
            "renews no lineage of that name",
        ),
        ({page(NOWHERE): answer(200)}, "health_path", ("tell", "/health"), "200 to every path"),
        ({page(NOWHERE): LOST}, "health_path", ("tell", "/health"), "not now"),
        ({page("/health"): answer(503)}, "health_path", ("tell", "/health"), "/health (503)"),
        (
            {page("/", Vantage.CONTROLLER): answer(None, HttpFailure.NAME)},
            *("site_vantage", ("tell", ["host"]), "name not found"),
        ),
        (
            {DiscoverPhp(domain="shop.example.com"): InstalledPhp(enabled=("php8.2", "php8.10"), served=())},
            *("php", ("guessed", "php8.3"), "php8.10"),
        ),
        (
            {
                DiscoverPhp(domain="shop.example.com"): InstalledPhp(enabled=("php8.2", "php8.10"), served=()),
                ConfiguredPools(): ConfiguredPoolList(pools=()),
            },
            *("php", ("guessed", "php8.10"), "the newest"),
        ),
        ({DiscoverPhp(domain="shop.example.com"): LOST}, "php", ("tell", "php8.3"), "not now"),
        ({Unit(name="nginx"): ex.MISSING, Unit(name="caddy"): running(40)}, "nginx_unit", ("tell", "nginx"), "caddy"),
    ],
)
def test_what_is_not_certain_is_guessed_or_asked_for(
    changes: Answers, key: str, expected: tuple[str, object], words: str
) -> None:
    found = look(changes)
    assert told(found, key) == expected
    assert words in " ".join((found[key].why, *found[key].also))
    assert "hunter2" not in str(found)


def test_the_default_of_laravel_is_no_public_address() -> None:
    local = APP.model_copy(update={"env": (("APP_URL", "http://localhost"),)})
    found = look({NginxSites(): NginxServers(present=True), ALSO: LaravelAppList(apps=(local,)), _PHP: NO_PHP})
    assert told(found, "site_url") == ("tell", "https://www.example.com/")


def test_the_answer_of_the_site_is_beside_its_address() -> None:
    moved = answer(301).model_copy(update={"redirect": "https://www.shop.example.com/"})
    assert "on the host it answers 301 to https://www.shop.example.com/" in look({page("/"): moved})["site_url"].why
    assert "on the host it answers 200" in look()["site_url"].why


def test_two_names_of_one_unit_are_one() -> None:
    found = look({Unit(name="mysql"): running(UNITS.index("mariadb"))})
    assert told(found, "database") == ("found", {"unit": "mariadb", "host": "127.0.0.1", "port": 3306})
    assert look({Unit(name="mysql"): running(50)})["database"].worth is Worth.GUESSED


def test_what_an_inventory_would_not_accept_is_a_comment() -> None:
    strange = SupervisorProgram(name="sh;op", directory=SHOP, verb="horizon", artisan="artisan")
    found = look({SupervisorPrograms(): SupervisorProgramList(programs=(strange,))})
    assert told(found, "worker_program") == ("tell", "sh;op")
    assert "not accepted" in found["worker_program"].why


def test_everything_that_was_closed_is_listed() -> None:
    closed = NginxServers(present=True, servers=(SERVER,), closed=("/etc/nginx/sites-enabled/x",))
    changes: Answers = {
        ALSO: LaravelAppList(apps=(CLOSED,), closed=("/home/ana",)),
        NginxSites(): closed,
        Lineages(): LOST,
    }
    _asked.update(answers_of_shop(changes))
    lines = looked(changes).unreadable
    assert {"not now", f"applications: {SHOP}/.env is closed to this login"} <= {*lines}
    assert any("/etc/nginx/sites-enabled/x is closed" in line for line in lines)
    assert any("/home/ana is closed" in line for line in lines)


def test_a_pool_of_several_is_not_chosen() -> None:
    pools = (POOL, ConfiguredPool(php="php8.2", pool="www", listen=POOL.listen, user="other"))
    assert told(look({ConfiguredPools(): ConfiguredPoolList(pools=pools)}), "app_user") == ("guessed", "forge")


def test_a_name_that_is_no_name_is_no_address() -> None:
    odd = NginxServer(
        names=("_", "~^x$", "*.example.com", "localhost", ".example.com"),
        ports=(80,),
        tls_ports=(),
        roots=(f"{SHOP}/public",),
        fastcgi=(),
    )
    found = look({NginxSites(): NginxServers(present=True, servers=(odd,))})
    assert found["site_url"].value == f"{URL}/"  # as APP_URL says
    assert "nginx names no server for it" in found["site_url"].why
