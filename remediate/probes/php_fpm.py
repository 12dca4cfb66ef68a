"""Whether PHP-FPM accepts its configuration."""

import re
from typing import Literal

from pydantic import Field

from remediate.command import ROOT, Output, Run
from remediate.errors import Unreadable
from remediate.host import PhpName
from remediate.probe import Fact, Probe, last_line
from remediate.probes.config import ConfigCheck, ConfigState

_CONFIG_ERROR = 78
"""What php-fpm -t exits with on a broken configuration (sysexits.h, EX_CONFIG), and also on some others: see parse."""
_PLACED = re.compile(r"ERROR: \[(?P<file>/[^\]:]+):(?P<line>[0-9]+)\] (?P<message>.*)")
_ERROR = re.compile(r"(ERROR|ALERT): (?P<message>.*)")
_ENVIRONMENT = re.compile(r"Read-only file system|No space left|Permission denied|Too many open files|Cannot allocate")


def unit_of(php: str) -> str:
    """Return the systemd unit of that PHP's FPM, as Debian and Ubuntu name it."""
    return f"{php}-fpm"


class PhpFpmConfig(Probe[ConfigCheck]):
    """Ask PHP-FPM to check its configuration, as root: as another user it fails on its log file.

    Reading has a side effect: it opens the error log of the configuration for appending and creates it when it is
    missing, which a start would do as well.
    """

    kind: Literal["php-fpm.config"] = "php-fpm.config"
    php: PhpName = Field(description="PHP's name, for example php8.3")

    def label(self) -> str:
        """See Probe."""
        return f"php-fpm{self.php.removeprefix('php')} -t"

    def command(self) -> Run:
        """See Probe."""
        return Run.of(f"/usr/sbin/php-fpm{self.php.removeprefix('php')}", "-t", user=ROOT, seconds=10)

    def parse(self, output: Output) -> ConfigCheck:
        """See Probe."""
        if output.exit == 0:
            return ConfigCheck(state=ConfigState.SOUND)
        lines = output.stderr.splitlines()
        for line in lines:
            if _ENVIRONMENT.search(line):
                return ConfigCheck(state=ConfigState.UNCHECKED, message=line.strip())
        for line in lines:
            if placed := _PLACED.search(line):
                return ConfigCheck(
                    state=ConfigState.BROKEN,
                    message=placed["message"],
                    file=placed["file"],
                    line=int(placed["line"]),
                )
        errors = [found["message"] for line in lines if (found := _ERROR.search(line))]
        state = ConfigState.BROKEN if output.exit == _CONFIG_ERROR else ConfigState.UNCHECKED
        return ConfigCheck(state=state, message=errors[0] if errors else last_line(output.stderr))


class InstalledPhp(Fact):
    """Which PHP-FPM units are enabled, and which of their sockets nginx passes requests to."""

    enabled: tuple[str, ...]
    served: tuple[str, ...]

    @property
    def ok(self) -> bool | None:
        """See Fact."""
        return None

    def describe(self) -> str:
        """See Fact."""
        return ", ".join(self.candidates) or "no PHP-FPM"

    @property
    def candidates(self) -> tuple[str, ...]:
        """The PHPs that may be the site's: one means known, several that a person has to say."""
        return tuple(php for php in self.enabled if php in self.served) or self.enabled


class DiscoverPhp(Probe[InstalledPhp]):
    """Find out which PHP the site runs on, where the inventory does not say."""

    kind: Literal["php-fpm.discover"] = "php-fpm.discover"

    def label(self) -> str:
        """See Probe."""
        return "PHP"

    def command(self) -> Run:
        """See Probe."""
        return Run.of(
            *("sh", "-c"),
            "systemctl list-unit-files --no-legend --plain --state=enabled 'php*-fpm.service' && "
            "{ grep -rhE '^[^#]*fastcgi_pass' /etc/nginx/sites-enabled /etc/nginx/conf.d; true; }",
            seconds=10,
        )

    def parse(self, output: Output) -> InstalledPhp:
        """See Probe."""
        if output.exit != 0:
            raise Unreadable(f"PHP: systemctl list-unit-files: {last_line(output.stderr)}")
        return InstalledPhp(
            enabled=tuple(dict.fromkeys(re.findall(r"^(php[0-9.]+)-fpm\.service\s", output.stdout, re.MULTILINE))),
            served=tuple(dict.fromkeys(re.findall(r"fastcgi_pass\s[^;#]*?(php[0-9.]+)-fpm", output.stdout))),
        )
