"""The application and site that `init` describes, with the reason for the choice."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from remediate.core.facts import Facts
from remediate.core.field_types import HostName, PublicUrl
from remediate.errors import Unreadable
from remediate.probes.discover_apps import DiscoverApps, LaravelApp
from remediate.probes.nginx_sites import NginxServer, NginxSites
from remediate.probes.supervisor_programs import SupervisorPrograms

_NAME: Final = TypeAdapter[str](HostName)
_URL: Final = TypeAdapter[object](PublicUrl)


@dataclass(frozen=True)
class Choice:
    """One application and one site, and everything else that they might have been."""

    app: LaravelApp | None = None
    app_why: str = ""
    other_apps: tuple[str, ...] = ()
    servers: tuple[NginxServer, ...] = ()
    """The server blocks of nginx that serve the application."""
    url: str | None = None
    url_why: str = ""
    other_urls: tuple[str, ...] = ()

    @property
    def domain(self) -> str | None:
        """The name in the site's address; None without one."""
        return None if self.url is None else urlsplit(self.url).hostname

    @property
    def port(self) -> int | None:
        """The port of the site's address."""
        if self.url is None:
            return None
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def routes(self) -> tuple[str, ...]:
        """The paths in the application's routes that sound like a health check."""
        return () if self.app is None else self.app.routes


def choose(facts: Facts, apps: DiscoverApps) -> Choice:
    """Choose the application that nginx serves and workers work for, and its most likely address."""
    servers = _servers(facts)
    try:
        found = facts[apps].apps
    except Unreadable:
        found = ()
    if not found:
        # Without an application nobody can tell which site is meant, unless there is only one.
        named = tuple(server for server in servers if server.fastcgi and _names(server))
        url, why, others = _address(None, named)
        return Choice(servers=named, url=url, url_why=why, other_urls=others)
    ranked = sorted(found, key=lambda app: _rank(app, servers, facts))
    app, *rest = ranked
    mine = _serving(app, servers)
    url, why, others = _address(app, mine)
    return Choice(
        app=app,
        app_why=_reason(app, mine, facts),
        other_apps=tuple(each.path for each in rest),
        servers=mine,
        url=url,
        url_why=why,
        other_urls=others,
    )


def _servers(facts: Facts) -> tuple[NginxServer, ...]:
    try:
        return facts[NginxSites()].servers
    except Unreadable:
        return ()


def _serving(app: LaravelApp, servers: tuple[NginxServer, ...]) -> tuple[NginxServer, ...]:
    roots = {root for path in app.paths for root in (path, f"{path}/public")}
    return tuple(server for server in servers if roots & {root.rstrip("/") for root in server.roots})


def _works(app: LaravelApp, facts: Facts) -> bool:
    try:
        return any(each.is_worker_of(app.paths) for each in facts[SupervisorPrograms()].programs)
    except Unreadable:
        return False


def _rank(app: LaravelApp, servers: tuple[NginxServer, ...], facts: Facts) -> tuple[bool, bool, str]:
    return not _serving(app, servers), not _works(app, facts), app.path


def _reason(app: LaravelApp, mine: tuple[NginxServer, ...], facts: Facts) -> str:
    parts = ["has artisan"]
    parts += ["nginx serves it"] if mine else []
    parts += ["supervisor runs its workers"] if _works(app, facts) else []
    return ", ".join(parts)


def _names(server: NginxServer) -> list[str]:
    """Return the names of a server that can stand in an address."""
    return [name for name in server.names if "." in name.strip(".") and not name.startswith(".") and is_host_name(name)]


def is_host_name(name: str) -> bool:
    """Return whether an inventory would accept it as a host's name or address."""
    try:
        _NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _address(app: LaravelApp | None, servers: tuple[NginxServer, ...]) -> tuple[str | None, str, tuple[str, ...]]:
    """Return the site's address, why it is that, and the others that are possible."""
    stated = "" if app is None else _usable(app.says("APP_URL"))
    served = list(dict.fromkeys(url for server in servers for name in _names(server) for url in _urls(name, server)))
    secure = [url for url in served if url.startswith("https:")] or served
    if not secure:
        return (stated, "APP_URL in .env; nginx names no server for it", ()) if stated else (None, "", ())
    named = [url for url in secure if urlsplit(url).hostname == urlsplit(stated).hostname]
    best = (named or secure)[0]
    others = tuple(url for url in (*secure, stated) if url and url != best and url.rstrip("/") != best.rstrip("/"))
    why = "nginx's server_name" + (", and APP_URL in .env" if named else "")
    return best, why, tuple(dict.fromkeys(others))


def _urls(name: str, server: NginxServer) -> list[str]:
    secure = [f"https://{name}{'' if port == 443 else f':{port}'}/" for port in server.tls_ports]
    return secure or [f"http://{name}{'' if port == 80 else f':{port}'}/" for port in server.ports]


def _usable(url: str) -> str:
    """Return an address that the public may reach and an inventory may hold, otherwise nothing."""
    try:
        address = str(_URL.validate_python(url))
    except ValidationError:
        return ""
    name = urlsplit(address).hostname or ""
    return "" if "." not in name or name.startswith("127.") else address  # http://localhost is Laravel's default
