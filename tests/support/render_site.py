"""Rendering of host output about a site's path through nginx."""

from collections.abc import Iterator
from typing import Final

from remediate.core.command import Output
from remediate.core.probe import Fact, Probe
from remediate.probes.folders import FoldersState
from remediate.probes.nginx import NginxErrorLogs
from remediate.probes.nginx_site import NginxSite, SiteServed, Target

_PLACES: Final = {True: "socket {owner} {path}\n", False: "gone {path}\n", None: "unseen {path}\n"}


def of_site(probe: Probe[Fact], fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    match fact:
        case NginxErrorLogs():
            lines = (line for each in fact.files for line in (f"== {each.path}", *each.lines))
            return Output(stdout="".join(f"{line}\n" for line in lines))
        case FoldersState():
            owners = ((each, (each.owner or ": ").replace(":", " ")) for each in fact.closed)
            told = (
                f"closed {owner} {each.path}\n" if each.owner else f"missing - - - {each.path}\n"
                for each, owner in owners
            )
            return Output(stdout="".join(told))
        case SiteServed() if isinstance(probe, NginxSite):
            return Output(stdout="".join((*_around(fact), *_configuration(probe, fact))))
        case _:
            return None


def _around(fact: SiteServed) -> Iterator[str]:
    for pool in fact.pools:
        version = pool.php.removeprefix("php")
        yield f"/etc/php/{version}/fpm/pool.d/x.conf:[{pool.name}]\n"
        yield f"/etc/php/{version}/fpm/pool.d/x.conf:listen = {pool.listen}\n"
        if pool.heard:
            yield f"heard {pool.listen}\n"
    if fact.workers is not None:
        count, stopped = fact.workers
        yield f"workers 60 {count} {stopped}\nwritten {30 if fact.unloaded else 90}\n"
    if fact.user:
        yield f"user {fact.user} {fact.user}\n"
    ports = [each.address for each in fact.targets if each.there and not each.address.startswith("/")]
    if not any(each.there is None and each.address.isdigit() for each in fact.targets):
        yield f"ports {' '.join(ports)}\n"
    yield from (_place(each) for each in fact.targets if each.address.startswith("/"))


def _place(target: Target) -> str:
    owner, _, mode = target.owner.partition(" ")
    return _PLACES[target.there].format(owner=f"{owner.replace(':', ' ')} s{mode}", path=target.address)


def _configuration(probe: NginxSite, fact: SiteServed) -> Iterator[str]:
    name = {True: probe.domain, None: "~.", False: "other.example"}[fact.named]
    yield "# configuration file /etc/nginx/nginx.conf:\n"
    yield f"http {{ server {{ listen 80; server_name {name};\n"
    yield from (f"error_log {path};\n" for path in fact.error_logs or ("syslog:server=x",))
    for target in fact.targets:
        place = f"unix:{target.address}" if target.address.startswith("/") else target.address
        yield f"location /{target.address} {{ fastcgi_pass {place}; }}\n"
    yield "} }\n"
