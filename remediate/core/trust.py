"""The certificates that the controller trusts, whatever its version of Python."""

import ssl
from pathlib import Path


def trust(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, and those of a file.

    Raises OSError if the file cannot be read. From Python 3.13 on, the default is to refuse certificates that browsers,
    curl and openssl accept (VERIFY_X509_STRICT, for one without a key identifier), and a site would be called broken.
    See https://docs.python.org/3/library/ssl.html#ssl.create_default_context.
    """
    context = ssl.create_default_context()
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST  # the default until Python 3.12
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
