"""Rendering of host output about what `init` looks for."""

from collections.abc import Iterator

from remediate.core.command import Output
from remediate.core.probe import Fact
from remediate.probes.configured_pools import ConfiguredPoolList
from remediate.probes.discover_apps import LaravelAppList
from remediate.probes.distribution import DistributionState
from remediate.probes.lineages import LineageList
from remediate.probes.nginx_sites import NginxServer, NginxServers
from remediate.probes.supervisor_programs import SupervisorProgramList


def of_discovery(fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    lines = _lines(fact)
    return None if lines is None else Output(stdout="".join(f"{line}\n" for line in lines))


def _lines(fact: Fact) -> Iterator[str] | None:
    match fact:
        case DistributionState():
            return iter((f"ID={fact.id}", f'PRETTY_NAME="{fact.name}"', "", *(f"lacks {each}" for each in fact.lacks)))
        case LineageList():
            return iter(fact.names)
        case ConfiguredPoolList():
            return _pools(fact)
        case SupervisorProgramList():
            return _programs(fact)
        case LaravelAppList():
            return _apps(fact)
        case NginxServers():
            return _sites(fact)
        case _:
            return None


def _pools(fact: ConfiguredPoolList) -> Iterator[str]:
    for each in fact.pools:
        file = f"/etc/php/{each.php.removeprefix('php')}/fpm/pool.d/{each.pool}.conf"
        yield f"{file}:[{each.pool}]"
        yield f"{file}:user = {each.user}"
        yield f"{file}:listen = {each.listen}"
    yield from (f"closed {each}" for each in fact.closed)
    yield from (f"/usr/bin/{each}" for each in fact.installed)


def _programs(fact: SupervisorProgramList) -> Iterator[str]:
    for each in fact.programs:
        yield f"section program:{each.name}"
        yield f"directory {each.directory}"
        yield f"user {each.user}"
        yield f"autostart {str(each.autostart).lower()}"
        if each.verb:
            yield f"runs {each.artisan} {each.verb}"
    for group in {each.group for each in fact.programs if each.group}:
        yield f"section group:{group}"
        yield f"programs {','.join(each.name for each in fact.programs if each.group == group)}"
    yield from (f"closed {each}" for each in fact.closed)


def _apps(fact: LaravelAppList) -> Iterator[str]:
    for each in fact.apps:
        yield f"app {each.path}"
        yield f"real {each.real}"
        yield f"owner {each.owner}"
        if each.env is None:
            yield "env-closed" if each.env_closed else "env-none"
        yield from (f'env {key}="{value}"' for key, value in each.env or ())
        yield from (f"route '{route}'" for route in each.routes)
        yield from (f"log {log}" for log in each.logs)
    yield from (f"closed {each}" for each in fact.closed)


def _sites(fact: NginxServers) -> Iterator[str]:
    if not fact.present:
        yield "none"
        return
    yield "# configuration file /etc/nginx/nginx.conf:"
    yield "http {"
    for each in fact.servers:
        yield from _server(each)
    yield "}"
    for path in fact.closed:
        yield f"# configuration file {path}:"
        yield "unreadable;"


def _server(server: NginxServer) -> Iterator[str]:
    yield "server {"
    yield f"server_name {' '.join(server.names) or '_'};"
    yield from (f"listen {port};" for port in server.ports)
    yield from (f"listen [::]:{port} ssl;" for port in server.tls_ports)
    yield from (f"root {root};" for root in server.roots)
    yield from (f"location /x {{ fastcgi_pass {target}; }}" for target in server.fastcgi)
    yield from (f"ssl_certificate {path};" for path in server.certificates)
    yield from (f"access_log {path} combined;" for path in server.access_logs)
    yield "}"
