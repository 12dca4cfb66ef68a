"""Commands and requests as data; nothing here runs them."""

import hashlib
import re
import shlex
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from remediate.core.field_types import FrozenModel, HostName, Port, Reference, UserName
from remediate.core.handshake import S_CLIENT
from remediate.core.program_text import HELPER, name_of

ROOT = "root"
TAB: Final = "\t"


def _argument(value: str) -> str:
    if "\x00" in value:
        raise ValueError("an argument cannot hold a NUL byte")
    return value


Argument = Annotated[str, AfterValidator(_argument)]


def _input(value: SecretStr) -> SecretStr:
    if "\x00" in value.get_secret_value():
        raise ValueError("what is written to a program cannot hold a NUL byte: a shell hands it over")
    return value


Input = Annotated[SecretStr, AfterValidator(_input)]


class Run(FrozenModel):
    """One program with its arguments: never a shell string, never interpreted on the way.

    Use `Run.of` to build one. A privileged command runs as exactly this argv behind `sudo -n`. Its first word has to be
    an absolute path, because the generated sudoers file allows that path only.
    """

    argv: tuple[Argument, ...] = Field(min_length=1, description="program and arguments")
    user: UserName | None = Field(default=None, description="user to run as; absent = the user of the SSH login")
    seconds: float = Field(default=60, gt=0, le=3600, description="deadline on the host, in seconds")
    stdin: Input | None = Field(
        default=None, description="what it reads: never in its arguments, where every user of the host could see it"
    )
    retry: str = Field(
        default="",
        pattern=r"^[\x20-\x7e]*$",
        description="what it says on standard error, as a POSIX extended expression, when it was turned away for the "
        "moment and has done nothing: it is run again for a few seconds, while it says that",
    )
    verb: str = Field(
        default="",
        pattern=r"^([a-z][a-z-]*)?$",
        description="name under which the root-owned helper of a host runs it; absent = sudo runs the words themselves",
    )
    handed: int = Field(default=0, ge=0, description="how many of its last words the helper is handed as arguments")

    @model_validator(mode="after")
    def _read_once(self) -> Self:
        if self.retry and self.stdin is not None:
            raise ValueError("what is run again cannot read anything: it was read the first time")
        return self

    @classmethod
    def of(
        cls, *argv: str, user: str | None = None, seconds: float = 60, stdin: str | None = None, retry: str = ""
    ) -> Self:
        """Build a command from words, as typed in a shell.

        `user` is the user to run as, `seconds` the deadline on the host, `stdin` the input; for `retry` see the field.

        Raises ValueError for a command with `user` whose program is not an absolute path, and for `retry` with `stdin`.
        """
        if user is not None and not argv[0].startswith("/"):
            raise ValueError(f"a command for user {user} needs an absolute path, not {argv[0]!r}")
        given = None if stdin is None else SecretStr(stdin)
        return cls(argv=argv, user=user, seconds=seconds, stdin=given, retry=retry)

    def helped(self, verb: str, *arguments: str) -> Self:
        """Return the same command with further arguments, run by the helper wherever it needs sudo.

        Use it if one exact sudo rule cannot allow the command safely: arguments with blanks, options with free text.
        """
        return self.model_copy(update={"argv": (*self.argv, *arguments), "verb": verb, "handed": len(arguments)})

    @property
    def permission(self) -> tuple[str | None, tuple[str, ...]]:
        """The subject of a sudo rule: the user and the words, without the command's input."""
        return self.user, (HELPER, self.verb) if self.verb else self.argv

    @property
    def fixed(self) -> tuple[str, ...]:
        """The words that the helper itself contains."""
        return self.argv[: len(self.argv) - self.handed]

    @property
    def digest(self) -> str:
        """A digest of the helper's own words, 12 hexadecimal digits. A helper with other words rejects the command."""
        return hashlib.sha256("\0".join(self.fixed).encode(errors="surrogateescape")).hexdigest()[:12]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words that the helper reads from standard input and compares with the declared ones."""
        return self.argv[len(self.argv) - self.handed :]

    @property
    def declared(self) -> str:
        """The line that declares the command to the helper: user, verb, digest and arguments."""
        return TAB.join((f"{self.user} {self.verb}", self.digest, *self.arguments))

    @property
    def through_sudo(self) -> str:
        """The command that sudo has to allow, as typed on the host."""
        user, words = self.permission
        return typed(words, user)

    def __str__(self) -> str:
        """The command as a person could type it on the host."""
        return typed(self.argv, self.user)


def typed(argv: Sequence[str], user: str | None) -> str:
    """Return a command as a person could type it on the host. A program's name replaces its text."""
    words = shlex.join(map(_shortened, argv))
    return words if user is None else f"sudo -n{'' if user == ROOT else f' -u {user}'} {words}"


def _shortened(word: str) -> str:
    # A whole program on one line is unreadable. The JSON report has the full text.
    if (name := name_of(word)) is not None:
        return f"{name} of remediate"
    lines = len(word.strip().splitlines())
    return word if lines < 2 else f"program of {lines} lines"


class HttpRequest(FrozenModel):
    """One GET as a browser would send it, without following redirects."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s\x00-\x1f]+$")]
    resolve: str | None = Field(default=None, description="address:port to connect to instead of what DNS says")
    ca_file: Path | None = Field(default=None, description="PEM file of authorities to trust besides the system's")
    token: Reference | None = Field(
        default=None, description="where the bearer token is; a controller reads it when it sends the request"
    )
    seconds: float = Field(default=10, gt=0, le=60, description="deadline of the whole request, in seconds")

    @property
    def host_port(self) -> tuple[str, int]:
        """The host name and port in the URL."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def curl(self) -> Run:
        """Return the same request as a curl command for a host.

        The body is on stdout, and `status seconds redirect` on stderr.

        Raises ValueError for a request with a token: secrets stay on the controller, and out of arguments.
        """
        if self.token is not None:
            raise ValueError("a request with a token is sent by the controller only")
        pinned = ("--connect-to", f"::{self.resolve}") if self.resolve else ()
        trusted = ("--cacert", str(self.ca_file)) if self.ca_file else ()
        return Run.of(
            *("curl", "--silent", "--globoff", "--noproxy", "*", "--max-time", f"{self.seconds:g}", *pinned, *trusted),
            *("--write-out", "%{stderr}%{http_code} %{time_total} %{redirect_url}", self.url),
            seconds=self.seconds + 2,
        )

    def curl_here(self) -> Run:
        """Return the request as a command for its own host, whatever address that listens on.

        Raises ValueError like `curl`.
        """
        _, *words = self.model_copy(update={"resolve": None}).curl().argv
        port = str(self.host_port[1])
        return Run.of("sh", "-c", _CURL_HERE, "sh", port, *words, seconds=2 * self.seconds + 4)


_CURL_HERE = r"""
port=$1; shift
# To read every authority that the host trusts costs more than all the rest. Their folder has them by name: then one is
# read, for curl's --cacert, and whichever has signed. Who is not trusted by that is asked again with all of them.
for one in /etc/ssl/certs/*.0; do break; done
[ -r "$one" ] || one=
case $* in *--cacert*) one= ;; esac
ask() {
  place=$1; shift
  if [ -n "$one" ]; then
    { told=$(curl --cacert "$one" --capath /etc/ssl/certs --connect-to "::$place:$port" "$@" 2>&1 >&4); } 4>&1; code=$?
    case $code in 60|77) ;; *) printf '%s' "$told" >&2; return "$code" ;; esac
  fi
  curl --connect-to "::$place:$port" "$@"
}
# Only what got no answer is asked again, and only an answer counts: the first failure is told otherwise.
again() {
  more=$(ask "$@" 2>&1 >&3) || return
  case ${more##*
} in 400\ *|000\ *) return 1 ;; esac
  printf '%s\n' "$more" >&2; exit 0
}
{ said=$(ask 127.0.0.1 "$@" 2>&1 >&3); } 3>&1; status=$?
{
  case $status in
    7) for place in $(ss -lntH "sport = :$port" 2>/dev/null | awk '{ sub(/:[0-9]+$/, "", $4); print $4 }' | sort -u); do
         case $place in 127.0.0.1|0.0.0.0|*%*) continue ;; '*'|'[::]') place='[::1]' ;; esac
         again "$place" "$@" || again "$place" --haproxy-protocol "$@"
       done ;;
    35|52|56) again 127.0.0.1 --haproxy-protocol "$@" ;;
  esac
} 3>&1
printf '%s\n' "$said" >&2; exit "$status"
"""
"""Asks 127.0.0.1, or the addresses that have a listener if nothing listens there.

If the connection is dropped, it asks once more with the header that a load balancer puts before a request (nginx:
`listen … proxy_protocol`).
"""


class TlsRequest(FrozenModel):
    """One TLS handshake as a browser begins it, for the served certificate. No request follows."""

    name: HostName = Field(description="name that is asked for (SNI) and has to stand in the certificate")
    port: Port = Field(default=443, description="TCP port")
    resolve: str | None = Field(default=None, description="address:port to connect to instead of what DNS says")
    ca_file: Path | None = Field(default=None, description="PEM file of authorities to trust besides the system's")
    seconds: float = Field(default=10, gt=0, le=60, description="deadline of the whole handshake, in seconds")

    @property
    def host_port(self) -> tuple[str, int]:
        """The address and port to connect to."""
        address, _, port = (self.resolve or "").rpartition(":")
        return (address.strip("[]"), int(port)) if self.resolve else (self.name, self.port)

    def s_client(self) -> Run:
        """Return the same handshake as a command for a host.

        Standard output begins with the host's clock (seconds since 1970). The output of openssl follows, with the
        certificate in PEM and its `Verify return code`. The exit status is openssl's, or one of ours: 28 for a timeout,
        77 for a `ca_file` that cannot be read, 76 if the host needs perl to send a load balancer's header.
        """
        place = self.resolve or f"{self.name}:{self.port}"
        trusted = () if self.ca_file is None else (str(self.ca_file),)
        words = ("sh", "-c", S_CLIENT, "sh", f"{self.seconds:g}", place, self.name, *trusted)
        return Run.of(*words, seconds=2 * self.seconds + 4)


Question = Run | HttpRequest | TlsRequest
"""Every kind of question: a command on the host, or a controller's own request."""


class CurlExit(IntEnum):
    """The exit statuses of curl(1) for the ends of a request. A controller's own request uses the same."""

    OK = 0
    NAME = 6
    REFUSED = 7
    WRITE = 23
    TIMEOUT = 28
    TLS = 35
    BROKEN_ANSWER = 52
    CERTIFICATE = 60
    AUTHORITIES = 77


class Output(FrozenModel):
    """A program's output and exit status. Undecodable bytes are backslash escapes."""

    stdout: str = ""
    stderr: str = ""
    exit: int = 0
    cut: bool = Field(default=False, description="stdout was longer than the limit and ends in the middle")


def lasting(text: str, volatile: str) -> str:
    """Return an answer without the parts that change by themselves.

    `volatile` is a regular expression that matches those parts.
    """
    return re.sub(volatile, "", text) if volatile else text
