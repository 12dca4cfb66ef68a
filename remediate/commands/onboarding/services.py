"""The services of the application: workers, database, Redis and the certificate."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from remediate.commands.onboarding.choice import is_host_name
from remediate.commands.onboarding.found_key import FoundKey, Plain
from remediate.commands.onboarding.look import DATABASE, REDIS, SUPERVISOR, HostLook
from remediate.errors import Unreadable
from remediate.probes.lineages import Lineages
from remediate.probes.supervisor_programs import SupervisorProgram, SupervisorPrograms

_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LINEAGE: Final = re.compile(r"/etc/letsencrypt/live/(?P<name>[^/]+)/[^/]+")
_KNOWN_DRIVERS: Final = frozenset({"mysql", "mariadb"})


def workers(look: HostLook) -> Iterator[FoundKey]:
    """Yield the program of the queue workers."""
    found = look.answer(SupervisorPrograms())
    if isinstance(found, Unreadable):
        yield FoundKey.tell("worker_program", "shop-worker", f"supervisor's program of the queue workers: {found}")
        return
    app = look.choice.app
    mine = [each for each in found.programs if app is not None and each.is_worker_of(app.paths)]
    # One that supervisor does not start by itself was parked by a person: nothing here may start it.
    running = [each for each in mine if each.autostart]
    if not running:
        why = "supervisor's program of the queue workers: no program that it starts runs a queue of this application"
        if not look.units(SUPERVISOR):
            why = "supervisor's program of the queue workers, and there is no supervisor (docs/inventory.md, The queue)"
        yield FoundKey.tell("worker_program", "shop-worker", _with_closed(why, found.closed), _others(found.programs))
        return
    first = running[0]
    others = [*_others([each for each in running if each.target != first.target]), *_parked(mine)]
    why = _with_closed(f"runs `artisan {first.verb}` of this application", found.closed)
    several = {each.target for each in running} != {first.target}
    make = FoundKey.guessed if several or found.closed else FoundKey.found
    yield make("worker_program", first.target, why + ("; only one can be given" if several else ""), others)


def _others(programs: Sequence[SupervisorProgram]) -> list[str]:
    return list(dict.fromkeys(each.target for each in programs))


def _parked(programs: Sequence[SupervisorProgram]) -> list[str]:
    return [f"{each.target} (autostart is off)" for each in programs if not each.autostart]


def _with_closed(why: str, closed: Sequence[str]) -> str:
    return f"{why}; not readable: {', '.join(closed)}" if closed else why


def database(look: HostLook) -> Iterator[FoundKey]:
    """Yield the database, with its unit only if .env names this host."""
    units = look.units(DATABASE)
    unit = next(iter(units), None)
    there = [f"{name} ({state.describe()})" for name, state in units.items()]
    app = look.choice.app
    example: Plain = {"unit": unit or "mariadb", "host": "127.0.0.1", "port": 3306}
    if app is None or app.env is None:
        why = f"where the application's database is: {_no_env(look)}. Without unit it is never restarted"
        yield FoundKey.tell("database", example, why, there)
        return
    driver, host, port = app.says("DB_CONNECTION"), _named(app.says("DB_HOST")), _port(app.says("DB_PORT"), 3306)
    if driver not in _KNOWN_DRIVERS:
        said = f"DB_CONNECTION in .env is {driver}" if driver else "DB_CONNECTION is not in .env"
        yield FoundKey.tell("database", example, f"{said}; the playbooks know MariaDB and MySQL", there)
    elif not host:
        why = "DB_HOST is not in .env, depends on another key, or is no host's name"
        yield FoundKey.tell("database", example, why, there)
    elif host not in _LOCAL:
        why = "DB_HOST in .env; without unit: managed elsewhere, and never restarted"
        yield FoundKey.found("database", {"host": host, "port": port}, why, there)
    elif unit is None:
        yield FoundKey.tell("database", example, "DB_HOST in .env is this host, which has no unit of a database", there)
    else:
        user = app.says("DB_USERNAME") or "NAME"
        why = f".env names this host, and the unit is there; add user: {user} if a playbook may end its sessions"
        make = FoundKey.guessed if len(units) > 1 else FoundKey.found
        yield make("database", {"unit": unit, "host": _address(host), "port": port}, why, there[1:])


def redis(look: HostLook) -> Iterator[FoundKey]:
    """Yield Redis, with its unit only if .env says that the application uses this host's."""
    units = look.units(REDIS)
    unit = next(iter(units), None)
    there = [f"{name} ({state.describe()})" for name, state in units.items()]
    app = look.choice.app
    example: Plain = {"unit": unit or "redis-server", "host": "127.0.0.1", "port": 6379}
    if app is None or app.env is None:
        yield FoundKey.tell("redis", example, f"whether the application uses Redis: {_no_env(look)}", there)
        return
    keys = ("QUEUE_CONNECTION", "CACHE_DRIVER", "CACHE_STORE", "SESSION_DRIVER")
    uses = [key for key in keys if app.says(key) == "redis"]
    host, port = _named(app.says("REDIS_HOST")), _port(app.says("REDIS_PORT"), 6379)
    if not uses:
        yield FoundKey.tell("redis", example, "no key of .env puts queue, cache or sessions into Redis", there)
    elif not host or (host in _LOCAL and unit is None):
        yield FoundKey.tell(
            "redis", example, f"{', '.join(uses)} in .env is redis, and REDIS_HOST leads nowhere", there
        )
    elif host not in _LOCAL:
        why = f"{', '.join(uses)} and REDIS_HOST in .env; without unit: managed elsewhere, and never restarted"
        yield FoundKey.found("redis", {"host": host, "port": port}, why, there)
    else:
        make = FoundKey.guessed if len(units) > 1 else FoundKey.found
        value: Plain = {"unit": unit or "", "host": _address(host), "port": port}
        yield make("redis", value, f"{', '.join(uses)} in .env; the unit is on this host", there[1:])


def _no_env(look: HostLook) -> str:
    app = look.choice.app
    if app is None:
        return "no application was found"
    return f"{app.path}/.env is {'closed to this login' if app.env_closed else 'not there'}"


def _named(host: str) -> str:
    """Return a host's name, and nothing for what is none: a URL may hold a password."""
    return host if is_host_name(host) else ""


def _address(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host


def _port(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else default


def certificate(look: HostLook) -> Iterator[FoundKey]:
    """Yield the certificate of the site, if certbot manages it."""
    choice, known = look.choice, look.answer(Lineages())
    names = () if isinstance(known, Unreadable) else known.names
    note = f" ({known})" if isinstance(known, Unreadable) else ""
    example: Plain = {"name": choice.domain or "www.example.com", "domain": choice.domain or "www.example.com"}
    if choice.domain is None or choice.url is None or not choice.url.startswith("https:"):
        why = f"certbot's lineage and the public name: no https address is known{note}"
        yield FoundKey.tell("certificate", example, why, names)
        return
    files = [
        path
        for server in choice.servers
        if choice.domain in server.names and server.tls_ports
        for path in server.certificates
    ]
    lineages = list(dict.fromkeys(found["name"] for path in files if (found := _LINEAGE.fullmatch(path))))
    if not lineages:
        why = f"nginx serves {', '.join(files) or 'no file that is known'}, which is none of certbot's{note}"
        yield FoundKey.tell("certificate", example, why, names)
        return
    value: Plain = {"name": lineages[0], "domain": choice.domain, "port": choice.port or 443}
    others = [each for each in dict.fromkeys((*lineages[1:], *names)) if each != lineages[0]]
    if isinstance(known, Unreadable):
        yield FoundKey.guessed("certificate", value, f"nginx serves that lineage; certbot was not seen{note}", others)
    elif lineages[0] not in names:
        why = f"nginx serves {files[0]}, but certbot renews no lineage of that name"
        yield FoundKey.tell("certificate", value, why, names)
    else:
        yield FoundKey.found("certificate", value, "nginx serves that lineage, and certbot renews it", others)
