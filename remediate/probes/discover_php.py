"""The PHP of a site, from nginx's configuration and the pools of every PHP-FPM."""

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel, HostName
from remediate.core.probe import Fact, Probe, last_line
from remediate.errors import Unreadable
from remediate.probes.nginx_config import fastcgi_targets
from remediate.probes.nginx_directives import CONFIGURATION, DUMP

_UNITS: Final = r"""
systemctl show --property=Version >/dev/null || exit
systemctl list-unit-files --no-legend --plain --state=enabled 'php*-fpm.service'
"""
"""The first command asks whether systemd answers. list-unit-files cannot tell: it exits with 1 if it finds no unit."""
POOLS: Final = r"""
grep -sHE '^[[:space:]]*(\[|listen[[:space:]]*=)' /etc/php/*/fpm/pool.d/*.conf
"""
_KEPT: Final = "include|listen|server_name|server|fastcgi_pass"
_ENABLED: Final = re.compile(r"^(php[0-9.]+)-fpm\.service\s", re.MULTILINE)
_POOL: Final = re.compile(
    r"^/etc/php/([0-9.]+)/fpm/pool\.d/[^:]*:\s*(?:\[([^]]+)\]|listen\s*=\s*\"?([^;\"\s]+))", re.MULTILINE
)
_NAMED: Final = re.compile(r"(php[0-9]+(?:\.[0-9]+)?)-fpm")
_LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::]"})  # noqa: S104  # only compared, never bound


class InstalledPhp(Fact):
    """The enabled PHP-FPM units, and the PHPs that nginx passes the site's requests to."""

    enabled: tuple[str, ...]
    served: tuple[str, ...] = Field(description="empty where nginx's configuration does not tell")

    @override
    def describe(self) -> str:
        return ", ".join(self.candidates) or "no PHP-FPM"

    @property
    def candidates(self) -> tuple[str, ...]:
        """The PHPs that may be the site's. If there are several, a person has to choose."""
        return self.served or self.enabled


class DiscoverPhp(Probe[InstalledPhp]):
    """Find the PHP that the site runs on. Ask it if the inventory does not say."""

    kind: Literal["php-fpm.discover"] = "php-fpm.discover"
    subject = "PHP"
    accepts_truncated: ClassVar[bool] = True
    domain: HostName | None = Field(default=None, description="name of the site; absent = every site counts")

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", f"{_UNITS}{POOLS}{CONFIGURATION}", "sh", _KEPT, seconds=10)

    @override
    def parse(self, output: Output) -> InstalledPhp:
        if output.exit != 0:
            raise Unreadable(f"PHP: systemctl: {last_line(output.stderr)}")
        # A truncated answer begins with the units, but is useless for nginx, whose configuration is then incomplete.
        begin = output.stdout.find(DUMP)
        units, dump = (output.stdout, "") if begin < 0 else (output.stdout[:begin], output.stdout[begin:])
        try:
            targets = () if output.cut else fastcgi_targets(dump, self.domain)
        except ValueError:
            targets = ()
        return InstalledPhp(
            enabled=tuple(dict.fromkeys(_ENABLED.findall(units))),
            served=tuple(dict.fromkeys(_php_behind(targets, _listening(units)))),
        )


class Listener(FrozenModel):
    """One pool of a PHP-FPM, as its file defines it."""

    php: str
    pool: str
    listen: str


def listeners(pools: str) -> Iterator[Listener]:
    """Yield every pool with its address, in one form for all spellings of PHP-FPM."""
    pool = ""
    for version, name, listen in _POOL.findall(pools):
        pool = name or pool
        if listen:
            yield Listener(php=f"php{version}", pool=pool, listen=address(listen.replace("$pool", pool)))


def _php_behind(targets: tuple[str, ...], listening: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the PHPs that requests are passed to; none if a target contains a variable."""
    if any("$" in target for target in targets):
        return
    for target in targets:
        place = address(target)
        yield from listening.get(place) or _NAMED.findall(place)


def _listening(pools: str) -> Mapping[str, tuple[str, ...]]:
    """Return the PHPs that have a pool on each address."""
    found: dict[str, tuple[str, ...]] = {}
    for each in listeners(pools):
        found[each.listen] = (*found.get(each.listen, ()), each.php)
    return found


def address(text: str) -> str:
    """Return a pool's address in one form, for all spellings of nginx and PHP-FPM."""
    path = text.removeprefix("unix:").rstrip(":")
    if path.startswith("/"):
        return path.removeprefix("/var") if path.startswith("/var/run/") else path
    host, _, port = path.rpartition(":")
    return port if host.lower() in _LOOPBACK else path
