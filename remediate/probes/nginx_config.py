"""Nginx's configuration for a name: its certificate file, or its PHP."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import ClassVar, Final, Literal, NamedTuple

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import HostName, Port
from remediate.core.probe import Fact, Probe, last_line
from remediate.errors import Unreadable
from remediate.probes.config import ConfigCheck

CONFIGURATION: Final = r"""
seen= kept=$1
show() {
  case "$seen" in *" $1 "*) return ;; esac
  seen="$seen $1 "
  printf '# configuration file %s:\n' "$1"
  [ -r "$1" ] || { echo 'unreadable;'; return; }
  found=$(awk -v kept="^($kept)[ \t]" '
    {
      line = $0; sub(/^[ \t]+/, "", line); n = split(line, parts, /[;{}]/)
      for (i = 1; i <= n; i++) if (sub(/^[ \t]*include[ \t]+["\047]?/, "", parts[i])) {
        sub(/["\047].*/, "", parts[i]); included = included " " parts[i]
      }
    }
    line == "" || line ~ /^#/ { next }
    !open && line ~ /^[A-Za-z0-9_.\/+-]+[ \t][^;{}"#\047]*;[ \t\r]*$/ && line !~ kept { next }
    { print line; open = line !~ /[;{}][ \t\r]*(#.*)?$/ }
    END { printf "\n#%s", included }' "$1")
  printf %s "${found%
#*}"
  for file in ${found##*
#}; do
    case $file in /*) ;; *) file=/etc/nginx/$file ;; esac
    [ ! -e "$file" ] || show "$file"
  done
}
cd /etc/nginx 2>/dev/null && show /etc/nginx/nginx.conf
exit 0
"""
"""Prints nginx's configuration as `nginx -T` does; its argument names the wanted directives.

It needs no privilege. `nginx -T` does, and prints nothing if the configuration is broken. Comments, and one-line
directives that are not wanted, stay on the host, so that many sites fit into one answer.
"""
DUMP: Final = "# configuration file "
_FILE = re.compile(r"^# configuration file (?P<path>/[^\n]*):$", re.MULTILINE)
_TOKEN = re.compile(
    r"#[^\n]*|(?P<mark>[{};])|\"(?P<double>(?:\\.|[^\"\\])*+)\"|'(?P<single>(?:\\.|[^'\\])*+)'"
    r"|(?P<word>(?:\\.|\$\{[^}]*\}|[^\s{};\"'\\])(?:\\.|\$\{[^}]*\}|[^\s{};\\])*+)",
    re.DOTALL,
)
_KEPT: Final = "include|listen|server_name|server|ssl_certificate"
_DEPTH: Final = 20
"""Limit for nested files and blocks: what people have to read is not deeper."""


class _Directive(NamedTuple):
    name: str
    words: tuple[str, ...]
    block: "tuple[_Directive, ...] | None" = None


class ServerCertificate(Fact):
    """The certificate files of the server that nginx chooses for one name."""

    files: tuple[str, ...] = Field(description="ssl_certificate; several when it has keys of several kinds")
    blocks: tuple[str, ...] = Field(
        default=(), description="file of each server block with this name, in nginx's order, where there are several"
    )

    @property
    @override
    def ok(self) -> bool | None:
        return None

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
        files = _files(output.stdout, cut=output.cut)
        if not files:
            raise Unreadable(f"{self.label()}: there is no configuration of nginx in /etc/nginx")
        main = next(iter(files))
        try:
            tree = tuple(_expanded(_parsed(files[main]), files, PurePosixPath(main).parent, 0))
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


def _files(dump: str, *, cut: bool) -> Mapping[str, str]:
    parts = _FILE.split(dump)[1:]
    files = dict(zip(parts[::2], parts[1::2], strict=True))
    if cut and files:
        files.popitem()  # the last file is incomplete
    return files


def _parsed(text: str) -> tuple[_Directive, ...]:
    """Return the directives of one file. Raises ValueError if its braces are not balanced."""
    stack: list[list[_Directive]] = [[]]
    heads: list[list[str]] = []
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        match token["mark"]:
            case None:
                value = token["word"] or token["double"] or token["single"]
                if value is not None:
                    words.append(value)
            case ";":
                if words:
                    stack[-1].append(_Directive(words[0], tuple(words[1:])))
                words = []
            case "{":
                heads.append(words or ["?"])
                stack.append([])
                words = []
            case _:
                block, head = tuple(stack.pop()), heads.pop() if heads else []
                if not head:
                    raise ValueError("a brace too many")
                stack[-1].append(_Directive(head[0], tuple(head[1:]), block))
                words = []
        if len(stack) > _DEPTH:
            raise ValueError("too deep")
    if len(stack) != 1:
        raise ValueError("a brace is missing")
    return tuple(stack[0])


def _expanded(
    directives: tuple[_Directive, ...], files: Mapping[str, str], prefix: PurePosixPath, depth: int
) -> Iterator[_Directive]:
    """Yield the directives, with each include replaced by the files that it names.

    A file that is not in the dump did not exist on the host.
    """
    if depth > _DEPTH:
        raise ValueError("too deep")
    for each in directives:
        if each.name == "include" and each.block is None and each.words:
            pattern = prefix / each.words[0]
            for path in sorted(files):
                if _matches(PurePosixPath(path), pattern):
                    yield from _expanded(_parsed(files[path]), files, prefix, depth + 1)
        elif each.block is not None:
            yield each._replace(block=tuple(_expanded(each.block, files, prefix, depth + 1)))
        else:
            yield each


def _matches(path: PurePosixPath, pattern: PurePosixPath) -> bool:
    """Return whether a path matches as in glob(7), where a star matches no slash."""
    return len(path.parts) == len(pattern.parts) and all(map(fnmatchcase, path.parts, pattern.parts))


def _chosen(tree: tuple[_Directive, ...], domain: str, port: int) -> tuple[tuple[str, ...], bool]:
    """Return the files of the server that nginx chooses, and whether its name decided.

    nginx's own order is: the name itself, a wildcard, the default server, the first one. Raises ValueError if a regular
    expression would decide, because one that a host sends is not run here.
    """
    http = tuple(each for directive in tree if directive.name == "http" for each in directive.block or ())
    blocks = (each.block or () for each in http if each.name == "server")
    servers = [block for block in blocks if any(_on(words, port) for words in _words(block, "listen"))]
    exact = [server for server in servers if {domain, f".{domain}"} & {*_names(server)}]
    wild = [server for server in servers if any(_stands_for(name, domain) for name in _names(server))]
    if not exact and not wild and any(name.startswith("~") for server in servers for name in _names(server)):
        raise ValueError("a regular expression decides")
    default = [server for server in servers if any(_default(words, port) for words in _words(server, "listen"))]
    for server in (*exact, *wild, *default, *servers):
        own = _words(server, "ssl_certificate") or _words(http, "ssl_certificate")
        return tuple(words[0] for words in own), bool(exact)
    return (), False


def _blocks(files: Mapping[str, str], domain: str, port: int) -> Iterator[str]:
    """Yield the file of each server block with this name on this port. Raises ValueError."""
    for path, text in files.items():
        for each in _within(_parsed(text)):
            server = each.block or ()
            on_port = any(_on(words, port) for words in _words(server, "listen"))
            if each.name == "server" and on_port and {domain, f".{domain}"} & {*_names(server)}:
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


def _words(block: tuple[_Directive, ...], name: str) -> list[tuple[str, ...]]:
    return [each.words for each in block if each.name == name and each.words]


def _names(server: tuple[_Directive, ...]) -> list[str]:
    return [name.lower() for words in _words(server, "server_name") for name in words]


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
    """Whether a server block has the site's name; None if a regular expression may."""
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
    files = _files(dump, cut=False)
    if not files:
        return None
    main = next(iter(files))
    tree = tuple(_expanded(_parsed(files[main]), files, PurePosixPath(main).parent, 0))
    http = tuple(each for directive in tree if directive.name == "http" for each in directive.block or ())
    upstreams = {each.words[0]: each.block or () for each in http if each.name == "upstream" and each.words}
    if any(each.name == "unreadable" for each in _within(http)):
        raise ValueError("a file of it cannot be read")
    servers = [each.block or () for each in http if each.name == "server"]
    mine = _of_site(servers, domain)
    found: list[str] = []
    for server in mine:
        for directive in _within(server):
            if directive.name == "fastcgi_pass" and directive.words:
                target = directive.words[0]
                behind = _words(upstreams[target], "server") if target in upstreams else [(target,)]
                found += [words[0] for words in behind]
    outside = _words(http, "error_log") or _words(tree, "error_log")
    # A server that only redirects, as from http to https, logs no errors of an upstream.
    asking = [server for server in mine if any(each.name == "fastcgi_pass" for each in _within(server))]
    logs = [path for server in asking or mine for path in _error_logs(server, outside)]
    return SiteBlocks(
        named=_named(servers, domain),
        targets=tuple(dict.fromkeys(found)),
        error_logs=tuple(dict.fromkeys(logs)),
    )


def _error_logs(server: "_Block", outside: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the error logs of a server and of its locations.

    If the server names none, the one from outside it counts.
    """
    for words in _words(server, "error_log") or outside or [(_BUILT_IN,)]:
        yield words[0]
    yield from (each.words[0] for each in _within(server) if each.name == "error_log" and each.words)


_BUILT_IN: Final = "/var/log/nginx/error.log"
"""The default error log in the packages of the distributions and of nginx.org."""


def _named(servers: list["_Block"], domain: str | None) -> bool | None:
    names = [name for server in servers for name in _names(server)]
    if domain is None or any(_is(name, domain.lower()) for name in names):
        return True
    return None if any(name.startswith("~") for name in names) else False


def _is(name: str, domain: str) -> bool:
    return name in {domain, f".{domain}"} or _stands_for(name, domain)


def fastcgi_targets(dump: str, domain: str | None) -> tuple[str, ...]:
    """Return the FastCGI addresses of a site's requests. Raises ValueError, as site_blocks does."""
    blocks = site_blocks(dump, domain)
    return () if blocks is None else blocks.targets


_Block = tuple[_Directive, ...]


def _of_site(servers: list[_Block], domain: str | None) -> list[_Block]:
    if domain is None:
        return servers
    name = domain.lower()
    exact = [server for server in servers if {name, f".{name}"} & {*_names(server)}]
    wild = [server for server in servers if any(_stands_for(each, name) for each in _names(server))]
    if not exact and not wild and any(each.startswith("~") for server in servers for each in _names(server)):
        return servers  # a regular expression may decide, and one that a host sends is not run here
    default = [
        server
        for server in servers
        if any({"default_server", "default"} & {*words} for words in _words(server, "listen"))
    ]
    return exact or wild or default or servers


def _within(block: _Block) -> Iterator[_Directive]:
    for each in block:
        yield each
        yield from _within(each.block or ())
