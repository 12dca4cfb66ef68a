"""Asks the questions whose vantage is the machine that runs remediate."""

import errno
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Final, Protocol

from remediate.command import CurlExit, HttpRequest, Output
from remediate.errors import Unreadable
from remediate.probe import Fact, Probe
from remediate.script import STDOUT_LIMIT

OWN_NETWORK: Final = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
"""Errors that say something about the asking machine's network, not about the site."""


class Controller(Protocol):
    """Where controller-vantage questions are asked."""

    def ask(self, probes: Sequence[Probe[Fact]]) -> Mapping[Probe[Fact], Output | Unreadable]:
        """Ask all of them at once and wait for the last answer."""


class HttpController:
    """The real one: each question is one HTTP request from this machine."""

    def ask(self, probes: Sequence[Probe[Fact]]) -> Mapping[Probe[Fact], Output | Unreadable]:
        """See Controller."""
        requests = {probe: request for probe in probes if isinstance(request := probe.command(), HttpRequest)}
        if len(requests) != len(set(probes)):
            raise TypeError("a controller can only ask what is asked from the controller")
        if not requests:
            return {}
        with ThreadPoolExecutor(max_workers=len(requests), thread_name_prefix="controller") as pool:
            futures: dict[Probe[Fact], Future[Output]] = {
                probe: pool.submit(fetch, request) for probe, request in requests.items()
            }
            return {probe: _result(future) for probe, future in futures.items()}


def _result(future: "Future[Output]") -> Output | Unreadable:
    try:
        return future.result()
    except Unreadable as why:
        return why


def fetch(request: HttpRequest) -> Output:
    """Send one GET and answer as curl would: body on stdout, `status seconds redirect` on stderr, curl's exit status.

    Raises Unreadable when this machine has no network, or its trust file cannot be read: neither says anything
    about the site.
    """
    import httpx2

    name, port = request.host_port
    url, headers, extensions = httpx2.URL(request.url), {"Accept": "*/*", "Accept-Encoding": "identity"}, {}
    if request.resolve is not None:
        address, _, pinned_port = request.resolve.rpartition(":")
        url = url.copy_with(host=address.strip("[]"), port=int(pinned_port))
        headers["Host"] = name if port in (80, 443) else f"{name}:{port}"
        extensions = {"sni_hostname": name}
    begun = monotonic()
    status, redirect, body = 0, "", b""
    try:
        context = ssl.create_default_context()
        if request.ca_file is not None:
            context.load_verify_locations(cafile=request.ca_file)
    except OSError as error:
        raise Unreadable(
            f"{request.ca_file}: cannot be read as trusted authorities: {error.strerror or error}"
        ) from error
    exit_status = CurlExit.OK
    try:
        with (
            httpx2.Client(verify=context, timeout=request.seconds, trust_env=request.resolve is None) as client,
            client.stream("GET", url, headers=headers, extensions=extensions) as response,
        ):
            status, redirect = response.status_code, response.headers.get("Location", "")
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > STDOUT_LIMIT:
                    break
                if monotonic() - begun > request.seconds:
                    exit_status = CurlExit.TIMEOUT
                    break
    except httpx2.TimeoutException:
        exit_status = CurlExit.TIMEOUT
    except httpx2.ConnectError as error:
        exit_status = _connect_failure(error, name)
    except (httpx2.HTTPError, httpx2.StreamError):
        exit_status = CurlExit.BROKEN_ANSWER
    return Output(
        stdout=body[:STDOUT_LIMIT].decode(errors="backslashreplace"),
        stderr=f"{status:03d} {monotonic() - begun:.3f} {redirect}",
        exit=exit_status.value,
        cut=len(body) > STDOUT_LIMIT,
    )


def _connect_failure(error: Exception, name: str) -> CurlExit:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CurlExit.CERTIFICATE
        if isinstance(cause, ssl.SSLError):
            return CurlExit.TLS
        if isinstance(cause, socket.gaierror):
            if cause.errno == socket.EAI_NONAME:
                return CurlExit.NAME
            raise Unreadable(f"this machine cannot resolve {name}: {cause.strerror}") from error
        if isinstance(cause, OSError) and cause.errno in OWN_NETWORK:
            raise Unreadable(f"this machine has no network: {cause.strerror}") from error
        cause = cause.__cause__ or cause.__context__
    return CurlExit.REFUSED
