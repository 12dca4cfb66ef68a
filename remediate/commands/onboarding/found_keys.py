"""Everything that the inventory says about a host, in the order of the file."""

from collections.abc import Iterator

from remediate.commands.onboarding.found_key import FoundKey, Plain
from remediate.commands.onboarding.look import DATABASE, HEALTH, NOWHERE, REDIS, WEB, HostLook
from remediate.commands.onboarding.services import certificate, database, redis, workers
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.configured_pools import ConfiguredPool, ConfiguredPools
from remediate.probes.discover_php import address
from remediate.probes.http import HttpAnswer

_DOCS = "docs/inventory.md"


def found_keys(look: HostLook) -> tuple[FoundKey, ...]:
    """Return what is found, guessed, and to be told."""
    return tuple(each.checked() for each in _every(look))


def _every(look: HostLook) -> Iterator[FoundKey]:
    yield FoundKey.safe("production", True, "changes ask for consent. Only a person may turn that off")
    yield from _site(look)
    yield from _application(look)
    yield _web(look)
    yield from workers(look)
    yield from database(look)
    yield from redis(look)
    yield from certificate(look)
    yield from _permissions(look)


def _site(look: HostLook) -> Iterator[FoundKey]:
    choice = look.choice
    if choice.url is None:
        why = "the site's public address: nginx's configuration names none, and no readable .env has APP_URL"
        yield FoundKey.tell("site_url", "https://www.example.com/", why)
    else:
        certain = choice.app is not None and choice.servers and not choice.other_urls and not choice.other_apps
        make = FoundKey.found if certain else FoundKey.guessed
        # With several names, the answer shows which of them only redirects.
        why = f"{choice.url_why}; on the host it answers {_words(look.page('/'))}"
        yield make("site_url", choice.url, why, choice.other_urls)
    if choice.url is not None:
        yield from _from_here(look)
        yield _health(look)
    yield FoundKey.tell("site_contains", "Example Shop", "text of the right page: a foreign server answers 200, too")


def _from_here(look: HostLook) -> Iterator[FoundKey]:
    """Yield the settings that this machine lacks to see the site."""
    outside, inside = look.page("/", Vantage.CONTROLLER), look.page("/")
    if isinstance(outside, Unreadable):
        yield FoundKey.tell("site_vantage", ["host"], f"whether this machine may ask the site is not known: {outside}")
    elif not outside.ok and isinstance(inside, HttpAnswer) and inside.ok:
        why = (
            f"the site answers 200 on the host, and this machine gets: {outside.describe()}. If the public sees it, "
            "give site_resolve (address:port) or site_ca (PEM file of an authority); else leave out the controller"
        )
        yield FoundKey.tell("site_vantage", ["host"], why)


def _health(look: HostLook) -> FoundKey:
    """Return the health path: it answers 200, and a missing page does not."""
    nowhere = look.page(NOWHERE)
    answers = {path: look.page(path) for path in dict.fromkeys((*look.choice.routes, *HEALTH))}
    healthy = [path for path, answer in answers.items() if isinstance(answer, HttpAnswer) and answer.ok]
    if isinstance(nowhere, Unreadable) or nowhere.status is None:
        why = f"not known, since the site could not be asked on the host ({_words(nowhere)})"
        return FoundKey.tell("health_path", "/health", why, answers if look.choice.routes else ())
    if nowhere.ok:
        return FoundKey.tell("health_path", "/health", "the site answers 200 to every path, so no answer proves one")
    if not healthy:
        said = {f"{path} ({_words(answer)})" for path, answer in answers.items() if path in look.choice.routes}
        why = f"none of {', '.join(HEALTH)} answers 200 on the host"
        return FoundKey.tell("health_path", "/health", why, sorted(said))
    path, *others = healthy
    where = "is in its routes and answers 200" if path in look.choice.routes else "answers 200"
    return FoundKey.guessed("health_path", path, f"{where} on the host", others)


def _words(answer: HttpAnswer | Unreadable) -> str:
    return str(answer) if isinstance(answer, Unreadable) else answer.describe()


def _application(look: HostLook) -> Iterator[FoundKey]:
    app = look.choice.app
    if app is None:
        why = "the directory with artisan: none was found in the directories that nginx serves, nor in the usual ones"
        yield FoundKey.tell("app_path", "/home/forge/www.example.com", why)
        yield FoundKey.tell("app_user", "forge", "the user that the application runs as")
    else:
        others = look.choice.other_apps
        make = FoundKey.found if look.choice.servers and not others else FoundKey.guessed
        yield make("app_path", app.path, look.choice.app_why, others)
        yield _user(look, app.owner)
    yield _php(look)
    yield FoundKey.tell("app_servers", 1, "how many servers run this application. Without it several are assumed")


def _user(look: HostLook, owner: str) -> FoundKey:
    pool = _pool(look)
    if pool is not None and pool.user:
        why = f"the user of pool {pool.pool} of {pool.php}, which serves the site"
        if owner in {"", pool.user}:
            return FoundKey.found("app_user", pool.user, why)
        return FoundKey.guessed("app_user", pool.user, why, (f"{owner}, who owns artisan",))
    if owner:
        return FoundKey.guessed("app_user", owner, "owns artisan; the pool of the site is not known")
    return FoundKey.tell("app_user", "forge", "the user that the application runs as")


def _pool(look: HostLook) -> ConfiguredPool | None:
    """Return the pool that serves the site; None if it is not certain."""
    found = look.answer(ConfiguredPools())
    if isinstance(found, Unreadable):
        return None
    asked = {address(target) for server in look.choice.servers for target in server.fastcgi}
    pools = [each for each in found.pools if each.listen in asked]
    return pools[0] if len(pools) == 1 else None


def _php(look: HostLook) -> FoundKey:
    found, pool, configured = look.answer(look.php), _pool(look), look.answer(ConfiguredPools())
    installed = () if isinstance(configured, Unreadable) else configured.installed
    if isinstance(found, Unreadable):
        return FoundKey.tell("php", "php8.3", f"PHP's name: {found}", installed)
    candidates = found.candidates
    others = tuple(each for each in dict.fromkeys((*candidates, *installed)))
    if not candidates:
        return FoundKey.tell("php", "php8.3", "PHP's name: no PHP-FPM is enabled, and nginx asks none", installed)
    if len(found.served) == 1:
        served = found.served[0]
        return FoundKey.found("php", served, "nginx passes the site's requests to it", _but(others, served))
    if len(candidates) == 1:
        return FoundKey.guessed("php", candidates[0], "the only PHP-FPM that is enabled", _but(others, candidates[0]))
    best = pool.php if pool is not None else max(candidates, key=_version)
    why = "the pool of the site is its" if pool is not None else "the newest of those that may be the site's"
    return FoundKey.guessed("php", best, why, _but(others, best))


def _but(names: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(each for each in names if each != one)


def _version(php: str) -> tuple[int, ...]:
    return tuple(int(part) for part in php.removeprefix("php").split(".") if part.isdecimal())


def _web(look: HostLook) -> FoundKey:
    units = look.units(WEB)
    if "nginx" in units:
        others = [f"{name} ({unit.describe()})" for name, unit in units.items() if name != "nginx"]
        return FoundKey.found("nginx_unit", "nginx", f"the unit is {units['nginx'].describe()}", others)
    there = [f"{name} ({unit.describe()})" for name, unit in units.items()]
    return FoundKey.tell("nginx_unit", "nginx", "no unit nginx: the playbooks know no other web server", there)


def _permissions(look: HostLook) -> Iterator[FoundKey]:
    """Yield the keys that allow or forbid something. One that may lose data is only written as a comment."""
    yield FoundKey.safe("protected_processes", _protected(look), "never ended, whatever they use; add your own")
    logs = [path for server in look.choice.servers for path in server.access_logs]
    logs += look.choice.app.logs if look.choice.app is not None else ()
    example: list[str] = list(dict.fromkeys(logs)) or ["/var/log/nginx/access.log"]
    yield FoundKey.tell(
        "log_paths", [*example], "logs that may be emptied on a full disk: what is in them is lost then"
    )
    why = "units of the application that may be restarted when they use too much"
    yield FoundKey.tell("restartable_units", ["example-import"], why)
    why = f"the payment provider's path, if there is one; then `payments`, too ({_DOCS}, Payments)"
    yield FoundKey.tell("webhook_path", "/webhooks/stripe", why)
    watching: Plain = {"prometheus": {"url": "http://127.0.0.1:9090"}, "uptime": {"alert": "SiteDown"}}
    yield FoundKey.tell("monitoring", watching, f"what watches this host ({_DOCS}, Monitoring)")
    yield FoundKey.tell("backup", {"files": "/srv/backups/*.sql.gz"}, f"where the backups are ({_DOCS}, The backup)")


def _protected(look: HostLook) -> list[Plain]:
    servers = {"mysqld": ("mysql", "mysqld"), "mariadbd": ("mariadb",), "redis-server": ("redis-server", "redis")}
    there = {*look.units(DATABASE), *look.units(REDIS)}
    return ["sshd", *(process for process, names in servers.items() if there & {*names})]
