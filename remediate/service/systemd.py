"""Tells systemd the state of this process, as sd_notify(3) does. Without systemd nothing happens."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send a state, as `READY=1`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
        connection.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)


def watchdog_seconds() -> float | None:
    """Return within which time systemd wants a sign of life, None if it does not."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(wanted) / 1_000_000 if meant and wanted.isdigit() and int(wanted) > 0 else None
