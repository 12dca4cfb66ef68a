"""The site's answer, and its comparison with the expected page."""

from enum import Enum
from math import inf, isfinite
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import CurlExit, HttpRequest, Output, Run
from remediate.core.host import Host
from remediate.core.probe import Fact, PlacedProbe, last_line
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable


class HttpFailure(Enum):
    """Reasons why a request got no answer."""

    NAME = "name not found"
    REFUSED = "no connection"
    TIMEOUT = "no answer in time"
    TLS = "TLS handshake failed"
    CERTIFICATE = "certificate not valid"
    BROKEN_ANSWER = "broken answer"


FAILURES = {
    CurlExit.NAME: HttpFailure.NAME,
    CurlExit.REFUSED: HttpFailure.REFUSED,
    CurlExit.TIMEOUT: HttpFailure.TIMEOUT,
    CurlExit.TLS: HttpFailure.TLS,
    CurlExit.CERTIFICATE: HttpFailure.CERTIFICATE,
}
"""The meaning of curl's exit statuses."""


def trusted_file(host: Host, vantage: Vantage) -> Path | None:
    """Return the file of additional authorities to trust for the site; None without one.

    The path is one on the machine that asks.
    """
    settings = host.settings
    if vantage is Vantage.CONTROLLER:
        return settings.site_ca
    certificate, site = settings.certificate, settings.site_url
    if certificate is None or certificate.ca is None or site is None or certificate.port != site.port:
        return None
    return Path(certificate.ca)


class HttpAnswer(Fact):
    """The answer to one GET.

    Only a 200 with the right content is right: a redirect or a maintenance page is not.
    """

    status: int | None = Field(description="HTTP status, None when no answer came")
    failure: HttpFailure | None = Field(description="why no answer came")
    redirect: str | None = Field(description="where it points to, for a redirect")
    right: bool = Field(description="whether the content is what the right page holds")
    seconds: float = Field(description="duration of the request")

    @property
    @override
    def ok(self) -> bool | None:
        return self.status == 200 and self.failure is None and self.right

    @override
    def describe(self) -> str:
        if self.failure is not None:
            return self.failure.value if self.status is None else f"{self.status}, then {self.failure.value}"
        if self.redirect:
            return f"{self.status} to {self.redirect}"
        return f"{self.status}" if self.right or self.status != 200 else "200, but not the right page"


class Site(PlacedProbe[HttpAnswer]):
    """Ask for one page as a visitor would, from the host or the controller.

    On the host the request goes to the host itself under the site's own name, so that no load balancer and no DNS
    answers in its place. It goes to 127.0.0.1, or to another address if the web server listens only there.
    """

    kind: Literal["http.site"] = "http.site"
    accepts_truncated: ClassVar[bool] = True
    url: str = Field(description="page to ask for")
    resolve: str | None = Field(default=None, description="address:port for the controller's request")
    ca_file: Path | None = Field(default=None, description="PEM file of authorities that the asking machine trusts")
    contains: str | None = Field(default=None, description="text that the right page holds")
    seconds: float = Field(default=10, gt=0, le=60, description="deadline of the request")

    @classmethod
    def of(cls, host: Host, path: str | None = None) -> tuple["Site", ...]:
        """Return the questions for the site, or for one path below it.

        There is one for every vantage that the inventory lists, and none without the address of the site.
        """
        settings = host.settings
        if settings.site_url is None:
            return ()
        base = str(settings.site_url)
        return tuple(
            cls(
                url=base if path is None else base.rstrip("/") + path,
                asked_from=vantage,
                resolve=settings.site_resolve if vantage is Vantage.CONTROLLER else None,
                ca_file=trusted_file(host, vantage),
                contains=settings.site_contains if path is None else None,
            )
            for vantage in settings.site_vantage
        )

    @override
    def label(self) -> str:
        return self.url

    @override
    def command(self) -> Run | HttpRequest:
        request = HttpRequest(url=self.url, resolve=self.resolve, ca_file=self.ca_file, seconds=self.seconds)
        if self.asked_from is Vantage.CONTROLLER:
            return request
        return request.curl_here()

    @override
    def parse(self, output: Output) -> HttpAnswer:
        return answer_of(self.url, self.contains, output)


_KNOWN = frozenset(CurlExit)
_READER_STOPPED = frozenset({CurlExit.WRITE, 141})
"""Exit statuses of curl after the limit on the answer's size closed its output."""


def answer_of(url: str, contains: str | None, output: Output) -> HttpAnswer:
    """Return the answer that curl or the controller got. Raises Unreadable."""
    try:
        status, seconds, *redirect = last_line(output.stderr).split(" ", 2)
        code, duration = int(status), float(seconds)
    except ValueError:
        code, duration, redirect = 0, inf, []
    if not isfinite(duration):
        raise Unreadable(f"{url}: curl: {last_line(output.stderr)}")
    if output.exit == CurlExit.AUTHORITIES:
        raise Unreadable(f"{url}: the file of its authorities (certificate.ca) cannot be read")
    failure = None
    if output.exit != CurlExit.OK and not (output.cut and output.exit in _READER_STOPPED):
        failure = FAILURES.get(CurlExit(output.exit), HttpFailure.BROKEN_ANSWER) if output.exit in _KNOWN else None
        failure = failure or HttpFailure.BROKEN_ANSWER
    right = contains is None or contains in output.stdout
    if output.cut and not right:
        raise Unreadable(f"{url}: the page is too long to tell whether it holds {contains!r}")
    return HttpAnswer(
        status=code or None,
        failure=failure,
        redirect=redirect[0] if redirect and redirect[0] else None,
        right=right,
        seconds=duration,
    )
