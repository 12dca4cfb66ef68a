"""Requirements of a renewal: the certificate authority, and the path of its challenge."""

import re
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import CurlExit, HttpRequest, Output, Question, Run
from remediate.core.field_types import HostName
from remediate.core.probe import Fact, PlacedProbe, Probe, last_line
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.http import FAILURES, HttpFailure

_NO_SERVER: Final = 13
_AUTHORITY: Final = (
    "server=${2:-$(sed -n 's/^server *= *//p' \"/etc/letsencrypt/renewal/$1.conf\" 2>/dev/null | head -n 1)}\n"
    '[ -n "$server" ] || exit 13\n'
    'printf "%s\\n" "$server"\n'
    'exec curl --silent --proto =http,https --max-time 8 --write-out "%{stderr}%{http_code}" --url "$server"'
)


class AuthorityState(Fact):
    """Reachability of the authority that issues the certificates."""

    server: str = Field(description="its ACME directory")
    failure: str = Field(default="", description="why not")

    @property
    @override
    def ok(self) -> bool | None:
        return not self.failure

    @override
    def describe(self) -> str:
        return f"{self.server} {self.failure or 'answers'}"


class Authority(Probe[AuthorityState]):
    """Ask a lineage's ACME server for its directory, from the host.

    certbot starts a renewal with the same request.
    """

    kind: Literal["certbot.authority"] = "certbot.authority"
    subject = "certificate authority"
    name: HostName = Field(description="certbot lineage name, whose configuration names the server")
    server: str = Field(default="", description="ACME directory to ask instead", pattern=r"^(https?://\S+)?$")

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _AUTHORITY, "sh", self.name, self.server, seconds=10)

    @override
    def parse(self, output: Output) -> AuthorityState:
        if output.exit == _NO_SERVER:
            raise Unreadable(f"{self.label()}: no ACME server is named for {self.name}")
        server, _, body = output.stdout.partition("\n")
        if output.exit in set(CurlExit) and output.exit != CurlExit.OK:
            failure = FAILURES.get(CurlExit(output.exit), HttpFailure.BROKEN_ANSWER).value
            return AuthorityState(server=server[:200], failure=failure)
        status = last_line(output.stderr)
        if output.exit != 0 or not re.fullmatch(r"[0-9]{3}", status):
            raise Unreadable(f"{self.label()}: curl ended with {output.exit}: {status}")
        if status != "200":
            return AuthorityState(server=server[:200], failure=f"answers {status}")
        failure = "" if '"newOrder"' in body else "answers with something other than an ACME directory"
        return AuthorityState(server=server[:200], failure=failure)


class ChallengeState(Fact):
    """The answer on the path where the authority asks for its challenge."""

    status: int | None = Field(description="HTTP status, None when no answer came")
    failure: str = Field(default="", description="why no answer came")

    @property
    @override
    def ok(self) -> bool | None:
        # The challenge does not exist, so 404 and 410 are right answers. The authority follows redirects.
        return self.status is not None and (200 <= self.status < 400 or self.status in {404, 410})

    @override
    def describe(self) -> str:
        return self.failure or f"answers {self.status}"


class Challenge(PlacedProbe[ChallengeState]):
    """Ask for a challenge that does not exist, over plain HTTP on port 80.

    The authority asks for a real challenge in the same way.
    """

    kind: Literal["certbot.challenge"] = "certbot.challenge"
    domain: HostName = Field(description="name that the certificate is for")
    asked_from: Vantage = Field(default=Vantage.HOST, description="host or controller")

    @override
    def label(self) -> str:
        return f"http://{self.domain}/.well-known/acme-challenge/"

    @override
    def command(self) -> Question:
        request = HttpRequest(url=f"{self.label()}remediate-looks-only", seconds=8)
        if self.asked_from is Vantage.CONTROLLER:
            return request
        return request.curl_here()

    @override
    def parse(self, output: Output) -> ChallengeState:
        status = last_line(output.stderr).partition(" ")[0]
        if not re.fullmatch(r"[0-9]{3}", status):
            raise Unreadable(f"{self.label()}: curl: {last_line(output.stderr)}")
        if int(status):
            return ChallengeState(status=int(status))
        known = output.exit in set(CurlExit)
        failure = FAILURES.get(CurlExit(output.exit), HttpFailure.BROKEN_ANSWER) if known else HttpFailure.BROKEN_ANSWER
        return ChallengeState(status=None, failure=failure.value)
