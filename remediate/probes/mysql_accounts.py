"""Hosts from which a MariaDB server lets a user in."""

import ipaddress
import re
from contextlib import suppress
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe, last_line
from remediate.core.services import DatabaseUser
from remediate.errors import Unreadable
from remediate.programs.database import account_hosts


class AccountState(Fact):
    """The hosts of a user's accounts on a server. An account is a user and a host."""

    hosts: tuple[str, ...] = Field(description="as they were granted: `localhost`, `10.0.0.%`")

    @override
    def describe(self) -> str:
        return f"let in from {', '.join(self.hosts)}" if self.hosts else "unknown there"

    def lets_in(self, host: str) -> bool | None:
        """Return whether one of the accounts is for a host; None if that is unknown.

        `host` is the name or address by which the server names it.
        """
        told = [_fits(pattern, host) for pattern in self.hosts]
        return True if True in told else None if None in told else False


_ADDRESS: Final = re.compile(r"[0-9.]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
_ADDRESSES: Final = re.compile(r"(?=.*[0-9])[0-9.%_/:]+")


def _fits(pattern: str, host: str) -> bool | None:
    if not _ADDRESS.fullmatch(host) and _ADDRESSES.fullmatch(pattern):
        return None  # the server shows the name of a host that has one, but compares its address as well
    if "/" in pattern:
        with suppress(ValueError):
            return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
        return None
    wild = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wild.get(each, re.escape(each)) for each in pattern), host, re.IGNORECASE) is not None


class AccountHosts(Probe[AccountState]):
    """Ask a server from which hosts it lets a user in.

    From any other host even the right password is refused.
    """

    kind: Literal["mysql.account-hosts"] = "mysql.account-hosts"
    user: DatabaseUser = Field(description="the application's own database user")

    @override
    def label(self) -> str:
        return f"database user {self.user}"

    @override
    def command(self) -> Run:
        return account_hosts(self.user)

    @override
    def parse(self, output: Output) -> AccountState:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: mariadb: {last_line(output.stderr)}")
        hosts = tuple(line.strip() for line in output.stdout.splitlines() if line.strip())
        if not all(re.fullmatch(r"[A-Za-z0-9._:%/-]{1,255}", host) for host in hosts):
            raise Unreadable(f"{self.label()}: unexpected answer from the server")
        return AccountState(hosts=hosts)
