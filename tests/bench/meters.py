"""Meters beside a running case: the host's CPU, its page, and the traffic through a proxy."""

import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

from bench.cases import URL
from bench.delay_proxy import Marks
from remediate.rehearsal.staging import StagingHost


class HostCpu:
    """Reads the CPU time of everything on the staging host, without starting a program for it."""

    _LOOP: Final = """
    group=$(sed -n 's/^0:://p' /proc/1/cgroup)
    while read -r _; do
      while read -r name value; do
        [ "$name" != usage_usec ] || echo "$value"
      done < "/sys/fs/cgroup${group%/*}/cpu.stat"
    done
    """

    def __init__(self, staging: StagingHost) -> None:
        argv = (staging.engine.binary, "exec", "-i", staging.container, "sh", "-c", self._LOOP)
        self._shell = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        begun, before = time.monotonic(), self.used()
        time.sleep(5)
        self._idle = (self.used() - before) / (time.monotonic() - begun)

    def used(self) -> float:
        """Return the seconds of CPU used so far."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write("\n")
        self._shell.stdin.flush()
        return int(self._shell.stdout.readline()) / 1e6

    def since(self, before: float, seconds: float) -> float:
        """Return the CPU time since `before`, without what the host uses when nobody asks."""
        return max(0, self.used() - before - self._idle * seconds)

    def close(self) -> None:
        """End the reader."""
        self._shell.communicate("", timeout=30)


class DelayProxy:
    """A running delay proxy. It ends with this process, however that ends."""

    def __init__(self, port: int, round_trip: int) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "bench.delay_proxy", str(port), str(round_trip)),
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._line())

    def marks(self) -> Marks:
        """Return the marks of the next connection that ended; wait for it."""
        return Marks(**json.loads(self._line()))

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        """End it."""
        self._process.communicate("", timeout=30)


class PageWatch:
    """Asks for the page every 20 ms, directly and over one connection, until it is served again."""

    def __init__(self, port: int, authorities: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(authorities))
        self._connection: http.client.HTTPSConnection | None = None
        self._over = Event()
        self._served: float | None = None
        self._thread = Thread(target=self._watch, daemon=True)

    def status(self) -> int | None:
        """Return the status of the page; None when nobody answers."""
        name = urlsplit(URL).hostname or ""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPSConnection(name, context=self._context, timeout=10)
                raw = socket.create_connection(("127.0.0.1", self._port), timeout=10)
                self._connection.sock = self._context.wrap_socket(raw, server_hostname=name)
            self._connection.request("GET", urlsplit(URL).path)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection = None
            return None
        if answer.will_close:
            self._connection = None
        return answer.status

    def begin(self) -> None:
        """Start to look. The page has to be gone already."""
        self._thread.start()

    def end(self, patience: float = 10) -> float | None:
        """Return the moment it was served again, in seconds since the epoch; None if that never came."""
        self._thread.join(patience)
        self._over.set()
        self._thread.join()
        if self._connection is not None:
            self._connection.close()
        return self._served

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            if self.status() == 200:
                self._served = time.time()
                return
