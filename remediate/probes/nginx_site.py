"""The addresses that nginx passes a site's requests to, compared with sockets and pools."""

import re
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel, HostName
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.discover_php import POOLS, Listener, address, listeners
from remediate.probes.nginx_config import site_blocks
from remediate.probes.nginx_directives import CONFIGURATION, DUMP

_SOCKETS: Final = r"""
user=$(sed -n 's/^[[:space:]]*user[[:space:]]\{1,\}\([A-Za-z0-9_.-]*\).*;.*/\1/p' /etc/nginx/nginx.conf 2>/dev/null)
[ -z "$user" ] || echo "user $user $(id -Gn -- "$user" 2>/dev/null)"
! listening=$(ss -lntxH 2>/dev/null) || printf '%s\n' "$listening" | awk '
  $1 == "tcp" { sub(/.*:/, "", $5); ports = ports " " $5 }
  $5 ~ /^\// && !seen[$5]++ && ++heard <= 200 { print "heard", $5 }
  END { print "ports" ports }'
# What nginx has loaded is as old as its workers. One that was replaced after a crash is younger: then nothing is told.
ps -ww --ppid "$(cat /run/nginx.pid 2>/dev/null)" -o etimes=,stat=,args= 2>/dev/null | awk '
  / nginx: worker process$/ { n++; if ($2 ~ /^T/) stopped++; if (n == 1 || $1 > oldest) oldest = $1 }
  END { if (n) print "workers", oldest, n, stopped + 0 }'
find -L /etc/nginx -type f ! -name '.*' -printf '%T@\n' 2>/dev/null | sort -rn | awk -v now="$(date +%s)" '
  NR == 1 { printf "written %d\n", now - $1 }'
gone() {
  up=$(dirname -- "$1")
  while [ ! -e "$up" ] && [ "$up" != / ]; do up=$(dirname -- "$up"); done
  [ -x "$up" ]
}
grep -rhosE 'unix:/[^;:"[:space:]]+' /etc/nginx | awk '!seen[$0]++ && ++n <= 100 { print substr($0, 6) }' |
while read -r path; do
  # An access list may let in whom the mode does not: it shows as a plus sign.
  if [ -S "$path" ]; then
    set -- $(ls -ldL -- "$path")
    # A name with a blank in it would stand in the place of another.
    if [ $# = 9 ]; then echo "socket $3 $4 $1 $path"; else echo "unseen $path"; fi
  elif gone "$path"; then echo "gone $path"
  else echo "unseen $path"; fi
done
"""
_KEPT: Final = "include|listen|server_name|server|fastcgi_pass|error_log"
_WORKERS: Final = re.compile(r"workers (-?[0-9]{1,15}) ([0-9]{1,9}) ([0-9]{1,9})")
_WRITTEN: Final = re.compile(r"written (-?[0-9]{1,15})")
_SOCKET: Final = re.compile(r"socket (\S+) (\S+) s(\S{9})([+.]?) (/.*)")


class Target(FrozenModel):
    """An address that nginx passes requests of the site to."""

    address: str
    there: bool | None = Field(description="whether there is such a socket, or somebody listens; None where unknown")
    owner: str = Field(default="", description="owner, group and mode of a socket")
    shut: bool = Field(default=False, description="whether nginx's user may certainly not connect to it")


class Pool(FrozenModel):
    """A pool of a PHP-FPM, and whether anything listens on its address."""

    php: str
    name: str
    listen: str
    heard: bool

    def describe(self) -> str:
        """Return the pool and its address as text."""
        return f"pool {self.name} of {self.php} {'listens' if self.heard else 'is meant to listen'} on {self.listen}"


class SiteServed(Fact):
    """The targets of a site's requests, and the pools that could answer them."""

    named: bool | None = Field(description="whether a server block carries its name; None where that is not certain")
    user: str | None = Field(description="who nginx's workers run as; None where its configuration does not say")
    targets: tuple[Target, ...]
    pools: tuple[Pool, ...] = Field(description="every pool of every PHP-FPM")
    error_logs: tuple[str, ...] = Field(description="files that the site's errors go to")
    workers: tuple[int, int] | None = Field(
        default=None, description="nginx's workers, and those of them that a signal has stopped; None where unknown"
    )
    unloaded: bool = Field(default=False, description="whether a file was written after nginx loaded its configuration")

    @property
    @override
    def unequal(self) -> tuple[str, ...]:
        nameless = ("no server block of nginx has the site's name",) if self.named is False else ()
        return (*(f"nginx asks {each}" for each in (*self._unserved(), *self._unheard())), *nameless, *self._astray())

    def _astray(self) -> Iterator[str]:
        if self.workers is not None and 0 < self.workers[0] == self.workers[1]:
            yield "every worker of nginx is stopped by a signal (state T): find out why, then restart nginx"
        if self.unloaded:
            yield (
                "files in /etc/nginx are newer than what nginx has loaded: it serves the older ones until a reload, "
                "which `nginx -t` has to precede"
            )

    def _unheard(self) -> Iterator[str]:
        """Yield the sockets of pools that do not run: of another PHP than the one that is looked after, maybe."""
        for each in self.targets:
            pool = next((pool for pool in self.pools if pool.listen == each.address), None)
            if each.there is False and not each.shut and pool is not None:
                yield f"{each.address}, which does not exist: {pool.describe()}"

    def _unserved(self) -> Iterator[str]:
        for each in self.targets:
            if each.shut:
                yield f"{each.address}, to which {self.user} may not connect ({each.owner})"
            elif each.there is False and not any(pool.listen == each.address for pool in self.pools):
                pools = [pool for pool in self.pools if pool.heard] or self.pools
                where = ", ".join(pool.describe() for pool in pools[:3])
                yield f"{each.address}, which does not exist{f': {where}' if where else ''}"

    @property
    def ok(self) -> bool | None:
        """False if a target cannot answer; None if not every target could be checked."""
        if tuple(self._unserved()):
            return False
        return True if self.targets and all(each.there for each in self.targets) else None

    @override
    def describe(self) -> str:
        return "; ".join(self._unserved()) or ", ".join(each.address for each in self.targets) or "no PHP-FPM"


class NginxSite(Probe[SiteServed]):
    """Ask where nginx passes a site's requests to, and whether that exists.

    It runs as the SSH user: files that this user cannot read leave it unknown.
    """

    kind: Literal["nginx.site"] = "nginx.site"
    subject = "nginx asks"
    domain: HostName = Field(description="name of the site")

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", f"{POOLS}{_SOCKETS}{CONFIGURATION}", "sh", _KEPT, seconds=10)

    @override
    def parse(self, output: Output) -> SiteServed:
        begin = output.stdout.find(DUMP)
        if begin < 0:
            raise Unreadable(f"{self.label()}: there is no configuration of nginx in /etc/nginx")
        there, dump = output.stdout[:begin], output.stdout[begin:]
        try:
            blocks = site_blocks(dump, self.domain)
        except ValueError as error:
            raise Unreadable(f"{self.label()}: nginx's configuration cannot be understood: {error}") from None
        if blocks is None:
            raise Unreadable(f"{self.label()}: nginx's configuration is empty")
        fixed = not any("$" in target for target in blocks.targets)
        seen = _Seen.read(there)
        return SiteServed(
            named=blocks.named,
            user=seen.user or None,
            targets=tuple(seen.target(address(each)) for each in blocks.targets) if fixed else (),
            pools=tuple(map(seen.pool, listeners(there))),
            error_logs=tuple(path for path in blocks.error_logs if path.startswith("/")),
            workers=seen.workers,
            unloaded=seen.unloaded,
        )


class _Seen(BaseModel):
    """The sockets and ports of the host, and the groups of nginx's user."""

    groups: frozenset[str] | None
    user: str
    ports: frozenset[str] | None
    heard: frozenset[str]
    sockets: dict[str, tuple[str, str, str, str]]
    gone: frozenset[str]
    workers: tuple[int, int] | None
    unloaded: bool

    @classmethod
    def read(cls, text: str) -> "_Seen":
        lines = text.splitlines()
        users = [words for line in lines if line.startswith("user ") and (words := line.split()[1:])]
        ports = [line.split()[1:] for line in lines if line == "ports" or line.startswith("ports ")]
        loaded = next((list(map(int, found.groups())) for line in lines if (found := _WORKERS.fullmatch(line))), None)
        written = next((int(found[1]) for line in lines if (found := _WRITTEN.fullmatch(line))), None)
        sockets = (found for line in lines if (found := _SOCKET.fullmatch(line)))
        return cls(
            user=users[-1][0] if users else "",
            groups=frozenset(users[-1][1:]) if users and len(users[-1]) > 1 else None,
            ports=frozenset(ports[-1]) if ports else None,
            heard=frozenset(address(line.removeprefix("heard ")) for line in lines if line.startswith("heard ")),
            sockets={address(each[5]): (each[1], each[2], each[3], each[4]) for each in sockets},
            workers=None if loaded is None else (loaded[1], loaded[2]),
            # Seconds, rounded down on both sides.
            unloaded=loaded is not None and written is not None and written + 1 < loaded[0],
            gone=frozenset(address(line.removeprefix("gone ")) for line in lines if line.startswith("gone ")),
        )

    def pool(self, found: Listener) -> Pool:
        heard = found.listen in (self.heard if found.listen.startswith("/") else self.ports or ())
        return Pool(php=found.php, name=found.pool, listen=found.listen, heard=heard)

    def target(self, place: str) -> Target:
        if not place.startswith("/"):
            local = place.isdigit() and self.ports is not None
            return Target(address=place, there=place in (self.ports or ()) if local else None)
        if place in self.gone:
            return Target(address=place, there=False)
        if place not in self.sockets:
            return Target(address=place, there=None)
        owner, group, mode, more = self.sockets[place]
        return Target(
            address=place,
            there=True,
            owner=f"{owner}:{group} {mode}",
            shut=more != "+" and self._shut(owner, group, mode),
        )

    def _shut(self, owner: str, group: str, mode: str) -> bool:
        """Return whether nginx's user may not write to a socket, which connecting needs (unix(7))."""
        if not self.user or self.groups is None or self.user == "root":
            return False
        part = 0 if owner == self.user else 3 if group in self.groups else 6
        return mode[part + 1] != "w"
