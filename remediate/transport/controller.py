"""Asks the questions that are asked from remediate's own machine, the controller."""

import contextlib
import errno
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic, time
from typing import Final, Protocol, Self

from typing_extensions import override

from remediate.core.command import CurlExit, HttpRequest, Output, TlsRequest
from remediate.core.probe import Fact, Probe
from remediate.core.trust import trust
from remediate.errors import ConfigurationError, Unreadable
from remediate.project.secret_refs import resolve
from remediate.transport.script import STDOUT_LIMIT

OWN_NETWORK: Final = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
"""Errors of the controller's own network, which say nothing about the site."""


class Controller(Protocol):
    """The party that asks the questions with the controller's vantage."""

    def ask(self, probes: Sequence[Probe[Fact]]) -> Mapping[Probe[Fact], Output | Unreadable]:
        """Ask all questions at once and wait for the last answer."""


class HttpController(Controller):
    """The real controller: each question is one HTTP request or TLS handshake from this machine."""

    @override
    def ask(self, probes: Sequence[Probe[Fact]]) -> Mapping[Probe[Fact], Output | Unreadable]:
        asked = {probe: probe.command() for probe in probes}
        requests = {probe: each for probe, each in asked.items() if isinstance(each, (HttpRequest, TlsRequest))}
        if len(requests) != len(set(probes)):
            raise TypeError("a controller can only ask what is asked from the controller")
        if not requests:
            return {}
        with ThreadPoolExecutor(max_workers=len(requests), thread_name_prefix="controller") as pool:
            authorities = _Authorities()
            futures: dict[Probe[Fact], Future[Output]] = {
                probe: pool.submit(_ask, request, authorities) for probe, request in requests.items()
            }
            return {probe: _result(future) for probe, future in futures.items()}


def _ask(request: HttpRequest | TlsRequest, authorities: "_Authorities") -> Output:
    return fetch(request, authorities) if isinstance(request, HttpRequest) else handshake(request)


class _Authorities:
    """The trusted authorities of several requests over HTTP. Loading the system's costs more than a request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[Path | None, ssl.SSLContext] = {}

    def __call__(self, ca_file: Path | None) -> ssl.SSLContext:
        """Return a context that trusts them and those of a file. Raises OSError."""
        with self._lock:
            if ca_file not in self._loaded:
                self._loaded[ca_file] = trust(ca_file)
            return self._loaded[ca_file]


def _result(future: "Future[Output]") -> Output | Unreadable:
    try:
        return future.result()
    except Unreadable as why:
        return why


def fetch(request: HttpRequest, authorities: Callable[[Path | None], ssl.SSLContext] = trust) -> Output:
    """Send one GET and answer as curl would.

    The body is on stdout, `status seconds redirect` on stderr, and the exit status is curl's. The request goes directly
    to the site, as the public's and the host's do. This machine's proxies and credentials (ALL_PROXY, ~/.netrc) are
    ignored, because the answer would be a proxy's. If this machine has no other way out, set `site_vantage: [host]`.

    Raises Unreadable if this machine has no network or cannot build a client, or if the trust file or the request's
    token is unreadable. None of that says anything about the site.
    """
    import httpx2

    url, headers, extensions = _addressed(request)
    headers.update(_authorized(request))
    try:
        client = httpx2.Client(verify=_trusting(request, authorities), timeout=request.seconds, trust_env=False)
    except (ImportError, OSError, ValueError) as error:
        raise Unreadable(f"this machine cannot ask over HTTP: {error}") from error
    begun = monotonic()
    status, redirect, body, exit_status = 0, "", b"", CurlExit.OK
    with client, _Deadline(request.seconds) as deadline:
        extensions["trace"] = deadline.watch
        try:
            with client.stream("GET", url, headers=headers, extensions=extensions) as response:
                status, location = response.status_code, response.headers.get("Location", "")
                redirect = str(httpx2.URL(request.url).join(location)) if location else ""
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > STDOUT_LIMIT:
                        break
        except httpx2.TimeoutException:
            exit_status = CurlExit.TIMEOUT
        except httpx2.ConnectError as error:
            exit_status = _connect_failure(error, request.host_port[0])
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL):
            exit_status = CurlExit.BROKEN_ANSWER
    if deadline.passed and exit_status in {CurlExit.OK, CurlExit.BROKEN_ANSWER}:
        # This also applies to an apparent success: a body without a length ends when we close the connection.
        exit_status = CurlExit.TIMEOUT
    return Output(
        stdout=body[:STDOUT_LIMIT].decode(errors="backslashreplace"),
        stderr=f"{status:03d} {monotonic() - begun:.3f} {redirect}",
        exit=exit_status.value,
        cut=len(body) > STDOUT_LIMIT,
    )


def _addressed(request: HttpRequest) -> tuple[str, dict[str, str], dict[str, object]]:
    """Return the URL, headers and extensions, pinned to an address if the request has one."""
    headers: dict[str, str] = {"Accept": "*/*", "Accept-Encoding": "identity"}
    if request.resolve is None:
        return request.url, headers, {}
    name, port = request.host_port
    scheme, _, rest = request.url.partition("://")
    path = rest[len(re.split(r"[/?#]", rest, maxsplit=1)[0]) :]
    usual = {"http": 80, "https": 443}[scheme]
    shown = f"[{name}]" if ":" in name else name
    headers["Host"] = shown if port == usual else f"{shown}:{port}"
    return f"{scheme}://{request.resolve}{path}", headers, {"sni_hostname": name}


def _authorized(request: HttpRequest) -> dict[str, str]:
    """Return the header with the token. It is read for this request alone and never part of a message."""
    if request.token is None:
        return {}
    try:
        token = resolve(request.token, f"the token for {request.url}", sys.stdin).get_secret_value()
    except ConfigurationError as error:
        raise Unreadable(str(error)) from None
    # RFC 6750, 2.1: anything else is not a token, and the client would quote it in an error message.
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token):
        raise Unreadable(f"the token for {request.url} holds what no bearer token can hold")
    return {"Authorization": f"Bearer {token}"}


def handshake(request: TlsRequest) -> Output:
    """Begin one TLS connection and answer as `TlsRequest.s_client` would.

    The output holds the clock, the certificate and its verify code. A certificate that does not verify is requested
    again without verification, because only then can it be read. No request is sent over either connection. Raises
    Unreadable like `fetch`.
    """
    begun, asked = monotonic(), int(time())
    try:
        said, exit_status = _shaken(request, _trusting(request, trust), 0), CurlExit.OK
    except _Unverified as error:
        anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        left = max(0.1, request.seconds - (monotonic() - begun))
        try:
            said = _shaken(request.model_copy(update={"seconds": left}), anyone, error.code)
            exit_status = CurlExit.OK
        except _NoHandshake as failed:
            said, exit_status = "", failed.exit
    except _NoHandshake as failed:
        said, exit_status = "", failed.exit
    return Output(stdout=f"{asked}\n{said}", exit=exit_status.value)


class _NoHandshake(Exception):
    """The handshake failed, so there is no certificate."""

    def __init__(self, exit_status: CurlExit) -> None:
        self.exit = exit_status


class _Unverified(Exception):
    """The certificate is not one that a browser would accept."""

    def __init__(self, code: int) -> None:
        self.code = code


def _shaken(request: TlsRequest, context: ssl.SSLContext, verified: int) -> str:
    """Return the served certificate and its verify code. Raises _Unverified, _NoHandshake, Unreadable."""
    with _Deadline(request.seconds) as deadline, contextlib.ExitStack() as stack:
        tls: ssl.SSLSocket | None = None
        try:
            plain = stack.enter_context(socket.create_connection(request.host_port, timeout=request.seconds))
            tls = context.wrap_socket(plain, server_hostname=request.name, do_handshake_on_connect=False)
            stack.enter_context(tls)
            deadline.ends(tls)
            tls.do_handshake()
            served = tls.getpeercert(binary_form=True)
        except ssl.SSLCertVerificationError as error:
            raise _Unverified(error.verify_code) from error
        except TimeoutError as error:
            raise _NoHandshake(CurlExit.TIMEOUT) from error
        except OSError as error:
            why = CurlExit.TIMEOUT if deadline.passed else _connect_failure(error, request.host_port[0])
            # A server that accepts a connection and then hangs up does not speak TLS; otherwise none is there.
            spoke = tls is not None and why is CurlExit.REFUSED
            raise _NoHandshake(CurlExit.TLS if spoke else why) from error
    if not served:
        raise _NoHandshake(CurlExit.TLS)
    return f"{ssl.DER_cert_to_PEM_cert(served)}Verify return code: {verified}\n"


def _trusting(
    request: HttpRequest | TlsRequest, authorities: Callable[[Path | None], ssl.SSLContext]
) -> ssl.SSLContext:
    try:
        return authorities(request.ca_file)
    except OSError as error:
        why = error.strerror or error
        raise Unreadable(f"{request.ca_file}: cannot be read as trusted authorities: {why}") from error


class _Deadline:
    """Ends a request that drips, because the client's time limits apply to each read alone."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, event: str, info: Mapping[str, object]) -> None:
        """Remember the sockets that the client's trace extension reports."""
        stream = info.get("return_value")
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            found = getattr(stream, "get_extra_info", lambda _: None)("socket")
            if isinstance(found, socket.socket):
                self._sockets.append(found)

    def ends(self, connection: socket.socket) -> None:
        """Shut this socket down at the deadline."""
        self._sockets.append(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.passed = True
        for each in self._sockets:
            with contextlib.suppress(OSError):
                # The method of SSLSocket would reset its state during a handshake of another thread.
                socket.socket.shutdown(each, socket.SHUT_RDWR)


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
