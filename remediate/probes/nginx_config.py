"""Nginx's configuration for a name: its certificate file, or its PHP."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import ClassVar, Final, Literal, NamedTuple

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import HostName, Port
from remediate.core.probe import Fact, Probe, last_line
from remediate.errors import Unreadable
from remediate.probes.config import ConfigCheck
from remediate.probes.nginx_directives import (
    CONFIGURATION,
    Block,
    Directive,
    expanded,
    files_in,
    names_of,
    parsed,
    within,
    words_of,
)

_KEPT: Final = "include|listen|server_name|server|ssl_certificate"


class ServerCertificate(Fact):
    """The certificate files of the server that nginx chooses for one name."""

    files: tuple[str, ...] = Field(description="ssl_certificate; several when it has keys of several kinds")
    blocks: tuple[str, ...] = Field(
        default=(), description="file of each server block with this name, in nginx's order, where there are several"
    )

    @override
    def describe(self) -> str:
        return ", ".join(self.files) or "no server has one"


class NginxCertificate(Probe[ServerCertificate]):
    """Read from nginx's configuration which certificate it holds for a name.

    It runs as the SSH user, whom a hosting panel allows to read the configuration. Only the names of the certificate
    files are kept.
    """

    kind: Literal["nginx.certificate"] = "nginx.certificate"
    accepts_truncated: ClassVar[bool] = True
    domain: HostName = Field(description="name that is asked for (SNI)")
    port: Port = Field(default=443, description="TCP port")

    @override
    def label(self) -> str:
        return f"certificate file of {self.domain}"

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", CONFIGURATION, "sh", _KEPT, seconds=15)

    @override
    def parse(self, output: Output) -> ServerCertificate:
        if output.exit != 0 and not output.cut:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        files = files_in(output.stdout, cut=output.cut)
        if not files:
            raise Unreadable(f"{self.label()}: there is no configuration of nginx in /etc/nginx")
        main = next(iter(files))
        try:
            tree = tuple(expanded(parsed(files[main]), files, PurePosixPath(main).parent, 0))
            certificates, by_name = _chosen(tree, self.domain.lower(), self.port)
            blocks = tuple(_blocks(files, self.domain.lower(), self.port))
        except ValueError as error:
            raise Unreadable(f"{self.label()}: nginx's configuration cannot be understood: {error}") from None
        if output.cut and not by_name:
            raise Unreadable(f"{self.label()}: nginx's configuration is too long to be read whole")
        closed = next((path for path, text in files.items() if text.strip() == "unreadable;"), None)
        if closed is not None and not by_name:
            raise Unreadable(f"{self.label()}: the login may not read {closed}")
        return ServerCertificate(files=certificates, blocks=blocks if len(blocks) > 1 else ())


def _chosen(tree: tuple[Directive, ...], domain: str, port: int) -> tuple[tuple[str, ...], bool]:
    """Return the files of the server that nginx chooses, and whether its name decided.

    nginx's own order is: the name itself, a wildcard, the default server, the first one. Raises ValueError if a regular
    expression would decide, because one that a host sends is not run here.
    """
    http = tuple(each for directive in tree if directive.name == "http" for each in directive.block or ())
    blocks = (each.block or () for each in http if each.name == "server")
    servers = [block for block in blocks if any(_on(words, port) for words in words_of(block, "listen"))]
    exact = [server for server in servers if {domain, f".{domain}"} & {*names_of(server)}]
    wild = [server for server in servers if any(_stands_for(name, domain) for name in names_of(server))]
    if not exact and not wild and any(name.startswith("~") for server in servers for name in names_of(server)):
        raise ValueError("a regular expression decides")
    default = [server for server in servers if any(_default(words, port) for words in words_of(server, "listen"))]
    for server in (*exact, *wild, *default, *servers):
        own = words_of(server, "ssl_certificate") or words_of(http, "ssl_certificate")
        return tuple(words[0] for words in own), bool(exact)
    return (), False


def _blocks(files: Mapping[str, str], domain: str, port: int) -> Iterator[str]:
    """Yield the file of each server block with this name on this port. Raises ValueError."""
    for path, text in files.items():
        for each in within(parsed(text)):
            server = each.block or ()
            on_port = any(_on(words, port) for words in words_of(server, "listen"))
            if each.name == "server" and on_port and {domain, f".{domain}"} & {*names_of(server)}:
                yield path


def name_conflict(config: ConfigCheck, domain: str, port: int) -> str | None:
    """Return the addresses on which nginx ignores a server block of this name, or None."""
    name = domain.lower()
    addresses = (
        each.address
        for each in config.conflicts
        if each.address.endswith(f":{port}")
        and (each.name.lower() in {name, f".{name}"} or _stands_for(each.name.lower(), name))
    )
    return ", ".join(addresses) or None


def _on(words: tuple[str, ...], port: int) -> bool:
    return words[0] == str(port) or words[0].endswith(f":{port}")


def _default(words: tuple[str, ...], port: int) -> bool:
    return _on(words, port) and bool({"default_server", "default"} & {*words})


def _stands_for(name: str, domain: str) -> bool:
    """Return whether a name with a wildcard, first or last, matches this one."""
    ending = name.removeprefix("*") if name.startswith("*.") else name
    return (ending.startswith(".") and domain.endswith(ending)) or (
        name.endswith(".*") and domain.startswith(name.removesuffix("*"))
    )


class SiteBlocks(NamedTuple):
    """The parts of nginx's configuration that concern one site."""

    named: bool | None
    """True if a server block has the site's name; None if a regular expression may."""
    targets: tuple[str, ...]
    """Addresses that its requests are passed to by FastCGI, with upstreams resolved."""
    error_logs: tuple[str, ...]
    """Files that its errors go to."""


def site_blocks(dump: str, domain: str | None) -> SiteBlocks | None:
    """Return the parts that concern a site; None without a configuration.

    They come from the servers that have the site's name, on any port. Without any, the default servers count, and
    without those all servers. Raises ValueError if the configuration cannot be understood, or if one of its files
    cannot be read.
    """
    files = files_in(dump, cut=False)
    if not files:
        return None
    main = next(iter(files))
    tree = tuple(expanded(parsed(files[main]), files, PurePosixPath(main).parent, 0))
    http = tuple(each for directive in tree if directive.name == "http" for each in directive.block or ())
    upstreams = {each.words[0]: each.block or () for each in http if each.name == "upstream" and each.words}
    if any(each.name == "unreadable" for each in within(http)):
        raise ValueError("a file of it cannot be read")
    servers = [each.block or () for each in http if each.name == "server"]
    mine = _of_site(servers, domain)
    found: list[str] = []
    for server in mine:
        for directive in within(server):
            if directive.name == "fastcgi_pass" and directive.words:
                target = directive.words[0]
                behind = words_of(upstreams[target], "server") if target in upstreams else [(target,)]
                found += [words[0] for words in behind]
    outside = words_of(http, "error_log") or words_of(tree, "error_log")
    # A server that only redirects, as from http to https, logs no errors of an upstream.
    asking = [server for server in mine if any(each.name == "fastcgi_pass" for each in within(server))]
    logs = [path for server in asking or mine for path in _error_logs(server, outside)]
    return SiteBlocks(
        named=_named(servers, domain),
        targets=tuple(dict.fromkeys(found)),
        error_logs=tuple(dict.fromkeys(logs)),
    )


def _error_logs(server: "Block", outside: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the error logs of a server and of its locations.

    If the server names none, the one from outside it counts.
    """
    for words in words_of(server, "error_log") or outside or [(_BUILT_IN,)]:
        yield words[0]
    yield from (each.words[0] for each in within(server) if each.name == "error_log" and each.words)


_BUILT_IN: Final = "/var/log/nginx/error.log"
"""The default error log in the packages of the distributions and of nginx.org."""


def _named(servers: list["Block"], domain: str | None) -> bool | None:
    names = [name for server in servers for name in names_of(server)]
    if domain is None or any(_is(name, domain.lower()) for name in names):
        return True
    return None if any(name.startswith("~") for name in names) else False


def _is(name: str, domain: str) -> bool:
    return name in {domain, f".{domain}"} or _stands_for(name, domain)


def fastcgi_targets(dump: str, domain: str | None) -> tuple[str, ...]:
    """Return the FastCGI addresses of a site's requests. Raises ValueError, as site_blocks does."""
    blocks = site_blocks(dump, domain)
    return () if blocks is None else blocks.targets


def _of_site(servers: list[Block], domain: str | None) -> list[Block]:
    if domain is None:
        return servers
    name = domain.lower()
    exact = [server for server in servers if {name, f".{name}"} & {*names_of(server)}]
    wild = [server for server in servers if any(_stands_for(each, name) for each in names_of(server))]
    if not exact and not wild and any(each.startswith("~") for server in servers for each in names_of(server)):
        return servers  # a regular expression may decide, and one that a host sends is not run here
    default = [
        server
        for server in servers
        if any({"default_server", "default"} & {*words} for words in words_of(server, "listen"))
    ]
    return exact or wild or default or servers
