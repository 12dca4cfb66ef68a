"""The cost of many hosts: wall clock and memory of one check, for numbers of hosts of one simulated sshd.

    uv run python tests/bench/many_hosts.py                      # 100 and 1,000 hosts
    uv run python tests/bench/many_hosts.py --hosts 10,100 --forks 20
    uv run python tests/bench/many_hosts.py --hosts 1000 --keep  # all connections stay open for a second check
    uv run python tests/bench/many_hosts.py --serve 600          # only the sshd, and what to ask it with

All hosts are aliases of one OpenSSH server on 127.0.0.1. Its logins run the real survey script in a real shell, without
the start-up files of this machine's user; only `systemctl` is a stub. Asked are three units and a page, from the host.
Each number of hosts is one process of its own, whose wall clock, CPU and peak memory are those of the kernel's count.
Everything ends by itself after --limit seconds.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

import yaml

from remediate.commands.open_files import allow_connections
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.playbook import HostPlan, Severity
from remediate.core.vantage import Vantage
from remediate.engine.fleet import run
from remediate.engine.warm_session import session
from remediate.probes.http import Site
from remediate.probes.systemd import Unit

UNITS: Final = ("php8.3-fpm", "nginx", "supervisor")
_STATE: Final = """LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
Result=success
InvocationID=0123456789abcdef0123456789abcdef
MainPID=41
NRestarts=0
Job=
ExecMainCode=0
ExecMainStatus=0
ActiveEnterTimestampMonotonic=1000000
StateChangeTimestamp=Mon 2026-11-23 08:31:11 UTC
"""
_SYSTEMCTL: Final = """#!/bin/sh
between=
for word in "$@"; do
    case $word in *.service) printf %s "$between"; cat "{state}"; between='
' ;; esac
done
"""
# The script sets its own PATH, so the stub is put there on its way in. Other tools keep the login's PATH.
_LOGIN: Final = """#!/bin/sh
PATH={folder}:$PATH
export PATH
sed -u 's# PATH=# PATH={folder}:#' | eval "$SSH_ORIGINAL_COMMAND"
"""
_SSHD: Final = """ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
LogLevel ERROR
SetEnv HOME={folder}
MaxStartups 2000
PrintMotd no
ForceCommand {folder}/login
"""


class ThreeUnits:
    """The playbook that is measured: it asks for three units and a page, and would change nothing."""

    name = "three-units"
    severity: ClassVar[Severity | None] = None
    discovers = False

    def __call__(self, host: Host) -> HostPlan:
        """Return the same questions for every host."""
        page = Site(url=str(host.settings.site_url), asked_from=Vantage.HOST)
        return HostPlan(symptoms=(*(Unit(name=name) for name in UNITS), page), diagnosis=(), remedies=())


class Simulation(NamedTuple):
    """A server that answers as any number of hosts."""

    folder: Path
    port: int
    url: str

    def inventory(self, count: int) -> Path:
        """Write an inventory of so many hosts."""
        shared = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_ssh_private_key_file": str(self.folder / "client"),
            "remediate": {
                "production": False,
                "site_url": self.url,
                "site_vantage": ["host"],
                "php": "php8.3",
                "host_key": fingerprint(self.folder / "host.pub"),
            },
        }
        hosts: dict[str, None] = {f"web{number}": None for number in range(1, count + 1)}
        path = self.folder / f"hosts-{count}.yml"
        path.write_text(yaml.safe_dump({"all": {"vars": shared, "hosts": hosts}}))
        return path


class Cost(NamedTuple):
    """The cost of one process."""

    hosts: int
    seconds: float
    cpu: float
    peak: float
    """MiB of memory."""
    exit_code: int
    """0 if every host was healthy; otherwise the numbers say nothing."""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer any page."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def simulated(limit: float) -> Iterator[Simulation]:
    """Run the server for at most `limit` seconds."""
    with tempfile.TemporaryDirectory(prefix="many-hosts") as name:
        folder = Path(name)
        for key in ("host", "client"):
            subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)), check=True)
        page = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
        threading.Thread(target=page.serve_forever, daemon=True).start()
        with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as free:
            port = free.server_port
        (folder / "state").write_text(_STATE)
        for program, text in (("systemctl", _SYSTEMCTL), ("login", _LOGIN)):
            (folder / program).write_text(text.format(state=folder / "state", folder=folder))
            (folder / program).chmod(0o755)
        (folder / "sshd_config").write_text(_SSHD.format(port=port, folder=folder))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it as root
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        bounded = ("timeout", f"{limit:.0f}", sshd, "-D", "-f", str(folder / "sshd_config"))
        server = subprocess.Popen(bounded, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            time.sleep(0.5)
            yield Simulation(folder, port, f"http://127.0.0.1:{page.server_port}/")
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
            page.shutdown()
            page.server_close()


def fingerprint(key: Path) -> str:
    """Return a public key's fingerprint, as the inventory pins it."""
    done = subprocess.run(("ssh-keygen", "-lf", str(key)), check=True, capture_output=True, text=True)
    return done.stdout.split()[1]


def measure(simulation: Simulation, hosts: int, forks: int, *, keep: bool) -> Cost:
    """Check so many hosts in one process, and return its cost."""
    argv = [sys.executable, __file__, "--check", str(simulation.inventory(hosts)), "--forks", str(forks)]
    argv += ["--keep"] if keep else []
    begun = time.monotonic()
    child = subprocess.Popen(argv, env={**os.environ, "REMEDIATE_STATE_DIR": str(simulation.folder / "state.d")})
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    cpu = used.ru_utime + used.ru_stime
    return Cost(hosts, time.monotonic() - begun, cpu, used.ru_maxrss / 1024, child.returncode)


def warn(text: str) -> None:
    """Write one line about a limit."""
    sys.stderr.write(f"{text}\n")


def check(inventory: Path, forks: int, *, keep: bool) -> int:
    """Check all hosts of an inventory in this process, twice if their connections are to be kept."""
    options = Options(plan=True, forks=forks)
    if keep:
        with session("all", inventory=inventory) as all_hosts:
            allow_connections(len(all_hosts.hosts), len(all_hosts.hosts), warn)
            first = all_hosts.run(ThreeUnits(), options=options)
            report = all_hosts.run(ThreeUnits(), options=options)
            sys.stdout.write(f"first check {first.seconds:.1f} s, on open connections {report.seconds:.1f} s\n")
    else:
        report = run(ThreeUnits(), "all", inventory=inventory, options=options)
    for host in report.hosts:
        if host.verdict.value != "healthy":
            warn(f"{host.name}: {host.verdict.value} {host.error}")
    return report.exit_code


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", default="100,1000", help="numbers of hosts, separated by commas")
    parser.add_argument("--forks", type=int, default=Options().forks)
    parser.add_argument("--keep", action="store_true", help="keep all connections open, and check twice")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1200, help="seconds after which everything ends")
    parser.add_argument("--serve", type=float, metavar="SECONDS", help="only run the server, with an inventory")
    parser.add_argument("--check", type=Path, metavar="INVENTORY", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.check is not None:
        return check(given.check, given.forks, keep=given.keep)
    signal.alarm(int(given.limit))
    failed = 0
    numbers = [int(number) for number in given.hosts.split(",")]
    with simulated(given.serve or given.limit) as simulation:
        if given.serve is not None:
            for number in numbers:
                sys.stdout.write(f"{simulation.inventory(number)}\n")
            sys.stdout.flush()
            time.sleep(given.serve)
            return 0
        for _ in range(given.rounds):
            for number in numbers:
                cost = measure(simulation, number, given.forks, keep=given.keep)
                each = 1000 * cost.seconds / number
                sys.stdout.write(
                    f"{number:5} hosts  {cost.seconds:7.1f} s  {each:6.1f} ms a host  "
                    f"CPU {1000 * cost.cpu / number:5.1f} ms a host  peak {cost.peak:5.0f} MiB"
                    f"{f'  FAILED: exit {cost.exit_code}' if cost.exit_code else ''}\n"
                )
                sys.stdout.flush()
                failed = failed or cost.exit_code
    return failed


if __name__ == "__main__":
    sys.exit(main())
