"""Every server of nginx's configuration, as the login may read it."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Probe, last_line
from remediate.errors import Unreadable
from remediate.probes.discovery import Discovered
from remediate.probes.nginx_directives import (
    CONFIGURATION,
    Block,
    expanded,
    files_in,
    names_of,
    parsed,
    within,
    words_of,
)

_KEPT: Final = "include|listen|server_name|server|root|fastcgi_pass|ssl_certificate|access_log"
_THERE: Final = "[ -e /etc/nginx ] || { echo none; exit; }\n"


class NginxServer(FrozenModel):
    """One server block: its names, its ports, and where its requests go."""

    names: tuple[str, ...]
    ports: tuple[int, ...] = Field(description="TCP ports without TLS")
    tls_ports: tuple[int, ...] = Field(description="TCP ports with TLS")
    roots: tuple[str, ...] = Field(description="directories that it serves")
    fastcgi: tuple[str, ...] = Field(description="addresses of PHP-FPM, with upstreams resolved")
    certificates: tuple[str, ...] = Field(default=(), description="files of ssl_certificate")
    access_logs: tuple[str, ...] = Field(default=(), description="files that it logs requests to")


class NginxServers(Discovered):
    """The server blocks, in the order of the configuration."""

    present: bool = Field(description="whether there is a configuration of nginx")
    servers: tuple[NginxServer, ...] = ()

    @override
    def describe(self) -> str:
        names = dict.fromkeys(name for each in self.servers for name in each.names)
        return ", ".join(names) or ("no names" if self.present else "no nginx")


class NginxSites(Probe[NginxServers]):
    """Read all server blocks of nginx's configuration. It runs as the SSH user."""

    kind: Literal["nginx.sites"] = "nginx.sites"
    subject = "sites of nginx"

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", f"{_THERE}{CONFIGURATION}", "sh", _KEPT, seconds=15)

    @override
    def parse(self, output: Output) -> NginxServers:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        if output.stdout.strip() == "none":
            return NginxServers(present=False)
        files = files_in(output.stdout, cut=False)
        if not files:
            raise Unreadable(f"{self.label()}: /etc/nginx/nginx.conf is not there, or is closed to this user")
        main = next(iter(files))
        try:
            tree = tuple(expanded(parsed(files[main]), files, PurePosixPath(main).parent, 0))
        except ValueError as error:
            raise Unreadable(f"{self.label()}: nginx's configuration cannot be understood: {error}") from None
        closed = tuple(path for path, text in files.items() if text.strip() == "unreadable;")
        return NginxServers(present=True, servers=tuple(_servers(tree)), closed=closed)


def _servers(tree: Block) -> Iterator[NginxServer]:
    http = tuple(each for directive in tree if directive.name == "http" for each in directive.block or ())
    upstreams = {each.words[0]: each.block or () for each in http if each.name == "upstream" and each.words}
    for each in http:
        if each.name != "server" or each.block is None:
            continue
        block = each.block
        listens = words_of(block, "listen") or [("80",)]
        own = words_of(block, "ssl_certificate") or words_of(http, "ssl_certificate")
        logs = _words(block, "access_log") or [words[0] for words in words_of(http, "access_log")]
        yield NginxServer(
            names=tuple(dict.fromkeys(names_of(block))),
            ports=tuple(_ports(listens, tls=False)),
            tls_ports=tuple(_ports(listens, tls=True)),
            roots=tuple(dict.fromkeys(_words(block, "root") or [words[0] for words in words_of(http, "root")])),
            fastcgi=tuple(dict.fromkeys(_fastcgi(block, upstreams))),
            certificates=tuple(words[0] for words in own),
            access_logs=tuple(dict.fromkeys(path for path in logs if path.startswith("/"))),
        )


def _words(block: Block, name: str) -> list[str]:
    """Return the first word of each directive of this name, at any depth."""
    return [each.words[0] for each in within(block) if each.name == name and each.words]


def _fastcgi(block: Block, upstreams: dict[str, Block]) -> Iterator[str]:
    for target in _words(block, "fastcgi_pass"):
        if target in upstreams:
            yield from (words[0] for words in words_of(upstreams[target], "server"))
        else:
            yield target


def _ports(listens: list[tuple[str, ...]], *, tls: bool) -> Iterator[int]:
    """Yield the ports of these addresses, each once; none for a socket. Without a port it is 80 (ngx_http_core)."""
    seen: set[int] = set()
    for place, *options in listens:
        text = place.rpartition(":")[2] if not place.endswith("]") else ""
        if place.startswith("unix:") or ("ssl" in options) is not tls:
            continue
        port = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 80
        if port not in seen:
            seen.add(port)
            yield port
