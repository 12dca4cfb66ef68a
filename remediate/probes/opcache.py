"""Opcache's settings for noticing changed files."""

import re
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import PhpName
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable

_SOON: Final = 30


class OpcacheState(Fact):
    """Opcache's settings for changed files."""

    enabled: bool
    looks_again: bool = Field(description="opcache.validate_timestamps: whether a changed file is read again")
    seconds: int = Field(default=2, description="opcache.revalidate_freq: how long it may take until then")

    @property
    def keeps(self) -> bool:
        """True if a changed file has no effect before a reload, or too late.

        Too late is later than the time for which a fix is watched.
        """
        return self.enabled and not (self.looks_again and self.seconds <= _SOON)

    @override
    def describe(self) -> str:
        return "keeps files until a reload" if self.keeps else "notices changed files"


class Opcache(Probe[OpcacheState]):
    """Read PHP-FPM's opcache settings. A pool may have its own, which are not seen."""

    kind: Literal["php-fpm.opcache"] = "php-fpm.opcache"
    subject = "opcache"
    php: PhpName = Field(description="PHP's name, for example php8.3")

    @override
    def command(self) -> Run:
        # The full output of `-i` is longer than an answer may be.
        only = '"$1" -i | grep -E "^opcache[.](enable|validate_timestamps|revalidate_freq) => |^PHP Version => "'
        return Run.of("sh", "-c", only, "sh", f"/usr/sbin/php-fpm{self.php.removeprefix('php')}", seconds=10)

    @override
    def parse(self, output: Output) -> OpcacheState:
        found = dict(re.findall(r"^(\S+(?: \S+)?) => (\S+)", output.stdout, re.MULTILINE))
        if "PHP Version" not in found:
            raise Unreadable(f"{self.label()}: php-fpm -i: {last_line(output.stderr)}")
        # Without the extension none of its settings are listed, and it counts as disabled.
        return OpcacheState(
            enabled=found.get("opcache.enable") == "On",
            looks_again=found.get("opcache.validate_timestamps", "On") == "On",
            seconds=whole_number(found.get("opcache.revalidate_freq", "2"), self.label()),
        )
