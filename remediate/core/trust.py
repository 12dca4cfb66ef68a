"""The certificates that the controller trusts, whatever its version of Python."""

import ssl
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from typing_extensions import override


class SharedContext(ssl.SSLContext):
    """A context for the connections of several threads at once.

    httpcore sets the protocols anew for each connection. OpenSSL then frees the list that another thread may be copying
    for its own handshake, and a healthy site refuses that one: "bad extension" in its log.
    """

    _offered: tuple[str, ...] | None = None
    _lock = Lock()

    @override
    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        offered = tuple(alpn_protocols)
        with self._lock:
            if offered != self._offered:
                super().set_alpn_protocols(offered)
                self._offered = offered


def trust(ca_file: Path | None = None, *, authorities: str | None = None) -> SharedContext:
    """Return a context that trusts the system's authorities and the given ones.

    They are those of a file, and those given as PEM text. Raises OSError if the file cannot be read. From Python 3.13
    on, ssl.create_default_context refuses certificates that browsers, curl and openssl accept (VERIFY_X509_STRICT, for
    one without a key identifier), and a site would be called broken. See
    https://docs.python.org/3/library/ssl.html#ssl.create_default_context.
    """
    context = SharedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if ca_file is not None or authorities is not None:
        context.load_verify_locations(cafile=ca_file, cadata=authorities)
    return context
