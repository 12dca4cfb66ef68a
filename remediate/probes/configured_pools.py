"""The PHP-FPM pools that are configured on a host, with their users."""

import re
from collections.abc import Sequence
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import FrozenModel
from remediate.probes.discover_php import address
from remediate.probes.discovery import Discovered, Discovery

_PROGRAM: Final = r"""
for file in /etc/php/*/fpm/pool.d/*.conf; do
  [ -e "$file" ] || continue
  [ -r "$file" ] || { echo "closed $file"; continue; }
  grep -sHE '^[[:space:]]*(\[|listen[[:space:]]*=|user[[:space:]]*=)' "$file"
done
ls -d /usr/bin/php[0-9]* 2>/dev/null
true
"""
_LINE: Final = re.compile(
    r"^/etc/php/(?P<version>[0-9.]+)/fpm/pool\.d/[^:]*:\s*"
    r"(?:\[(?P<pool>[^]]+)\]|(?P<key>listen|user)\s*=\s*\"?(?P<value>[^;\"\s]+))"
)
_PROGRAM_FILE: Final = re.compile(r"/usr/bin/(php[0-9]+\.[0-9]+)")


class ConfiguredPool(FrozenModel):
    """One pool of a PHP-FPM: its address and its user."""

    php: str
    pool: str
    listen: str = ""
    user: str = ""


class ConfiguredPoolList(Discovered):
    """The pools of every PHP, and the PHPs that are installed."""

    pools: tuple[ConfiguredPool, ...]
    installed: tuple[str, ...] = Field(default=(), description="PHPs with a program of their own, such as php8.3")

    @override
    def describe(self) -> str:
        return ", ".join(f"{each.pool} of {each.php}" for each in self.pools) or "no pools"


class ConfiguredPools(Discovery[ConfiguredPoolList]):
    """Read which pools PHP-FPM is configured with."""

    kind: Literal["php-fpm.configured"] = "php-fpm.configured"
    subject = "pools of PHP-FPM"
    program = _PROGRAM

    @override
    def found(self, lines: Sequence[str], closed: tuple[str, ...]) -> ConfiguredPoolList:
        pools: list[ConfiguredPool] = []
        installed: list[str] = []
        for line in lines:
            if program := _PROGRAM_FILE.fullmatch(line):
                installed.append(program[1])
            elif found := _LINE.match(line):
                _add(pools, found)
        served = tuple(each for each in pools if each.listen)
        return ConfiguredPoolList(pools=served, installed=tuple(installed), closed=closed)


def _add(pools: list[ConfiguredPool], found: re.Match[str]) -> None:
    """Begin a pool, or complete the one that was begun last."""
    if found["pool"] is not None:
        pools.append(ConfiguredPool(php=f"php{found['version']}", pool=found["pool"]))
    elif pools:
        value = found["value"].replace("$pool", pools[-1].pool)
        value = address(value) if found["key"] == "listen" else value
        pools[-1] = pools[-1].model_copy(update={found["key"]: value})
