"""Runs an hour of the service, and the CPU of a run: one worker and four, on SQLite and on PostgreSQL.

    uv run python tests/bench/service_throughput.py            # 60 runs of each kind
    uv run python tests/bench/service_throughput.py --runs 200

OpenSSH servers on 127.0.0.1 answer as each host on a port of its own, with a real shell, a state and a lock of its
own. A run that looks asks one question; a run that acts brings the host up, and proves it. Nothing waits for a host to
settle. CPU is the kernel's count of the workers and of what they start; the server's is not in it.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.many_hosts import fingerprint
from remediate.core.options import Options
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project
from remediate.service.service import working
from remediate.transport.script import LOCK_FILE
from support.durable import PLAYBOOK, request
from support.postgresql import server

AT_ONCE: Final = 8
_LISTENS: Final = 8
"""Ports of one sshd. It has a limit of its own, which is 16."""
_SHELL: Final = """#!/bin/sh
set -- $SSH_CONNECTION
export TOY=$4
sed -u "s#{lock}#{folder}/lock.$4#g" | eval "$SSH_ORIGINAL_COMMAND"
"""
_STATE: Final = """#!/bin/sh
set -- $SSH_CONNECTION
cat {folder}/state.$4 2>/dev/null || echo down
"""
_STEP: Final = """#!/bin/sh
set -- $SSH_CONNECTION
echo up >{folder}/state.$4
"""
_SSHD: Final = """HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
LogLevel ERROR
MaxStartups 2000
PrintMotd no
ForceCommand {folder}/login
"""


class Measured(NamedTuple):
    """The cost of so many runs."""

    seconds: float
    cpu: float
    bad: int
    """Runs that ended otherwise than expected. The numbers say nothing then."""


@contextmanager
def simulated(folder: Path, hosts: int) -> Iterator[Path]:
    """Run the server, and yield a project with an inventory of so many hosts."""
    for key in ("host", "client"):
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)), check=True)
    for program, text in (("login", _SHELL), ("state", _STATE), ("step", _STEP)):
        (folder / program).write_text(text.format(folder=folder, lock=LOCK_FILE))
        (folder / program).chmod(0o755)
    with ExitStack() as reserved:
        free = [reserved.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(hosts)]
        ports = [each.getsockname()[1] for each in free]
    for port in ports:
        (folder / f"lock.{port}").touch()
    root = folder / "project"
    (root / "playbooks").mkdir(parents=True)
    (root / "inventories").mkdir()
    playbook = textwrap.dedent(PLAYBOOK).replace('Run.of("state"', f'Run.of("{folder}/state"')
    (root / "playbooks" / "toy_down.py").write_text(playbook.replace("/usr/bin/step", f"{folder}/step"))
    variables = {
        "ansible_host": "127.0.0.1",
        "ansible_ssh_private_key_file": str(folder / "client"),
        "remediate": {"php": "php8.3", "host_key": fingerprint(folder / "host.pub")},
    }
    named = {f"toy{number}": {"ansible_port": port} for number, port in enumerate(ports)}
    (root / "inventories" / "toys.yml").write_text(json.dumps({"toys": {"vars": variables, "hosts": named}}))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it as root
    servers = [_sshd(folder, ports[first : first + _LISTENS]) for first in range(0, hosts, _LISTENS)]
    try:
        time.sleep(3)
        yield root
    finally:
        for each in servers:
            os.killpg(each.pid, signal.SIGTERM)
            each.wait()


def _sshd(folder: Path, ports: Sequence[int]) -> "subprocess.Popen[bytes]":
    config = folder / f"sshd_config-{ports[0]}"
    listen = "".join(f"ListenAddress 127.0.0.1:{port}\n" for port in ports)
    config.write_text(listen + _SSHD.format(folder=folder))
    argv = ("timeout", "3600", shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-f", str(config))
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)


def work(root: Path, runs: int, *, plan: bool) -> int:
    """Work until told to stop. The worker that is given runs queues them, and tells their seconds at their end."""
    with working(Project(root), lambda: os._exit(5), options=Options(hold=0)) as at_work:
        sys.stdout.write("launched\n")
        sys.stdout.flush()
        sys.stdin.readline()
        if runs:
            begun = time.monotonic()
            for number in range(runs):
                at_work.engine.start(request(f"toy{number}", plan=plan), new_run_id())
            ended = at_work.engine.runs(limit=runs)
            while any(run.result is None for run in ended):
                time.sleep(0.5)
                ended = at_work.engine.runs(limit=runs)
            wanted = "pending" if plan else "fixed"
            bad = [run.result for run in ended if run.result is None or run.result.verdict != wanted]
            sys.stderr.write("".join(f"{result}\n" for result in bad[:3]))
            sys.stdout.write(f"{time.monotonic() - begun} {len(bad)}\n")
            sys.stdout.flush()
        sys.stdin.readline()
    return 0


def measure(root: Path, folder: Path, url: str | None, workers: int, runs: int, *, plan: bool) -> Measured:
    """Run so many runs with so many workers, which share the cores of this machine, and so what is done at once."""
    many = f"at_once = {AT_ONCE // workers}\nper_playbook = 64\nfleet = 64\n"
    (root / "pyproject.toml").write_text(f"[tool.remediate]\n[tool.remediate.service]\n{many}")
    for state in folder.glob("state.*"):
        state.unlink()
    processes = []
    for number in range(workers):
        place = Path(tempfile.mkdtemp(dir=folder))
        environment = {**os.environ, "REMEDIATE_STATE_DIR": str(place)} | ({"REMEDIATE_JOURNAL": url} if url else {})
        argv = [sys.executable, __file__, "--work", str(root), "--runs", str(0 if number else runs)]
        argv += ["--plan"] if plan else []
        processes.append(
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        )
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "launched\n"
    before = sum(_used(process.pid) for process in processes)
    for process in processes:
        _say(process)
    first = processes[0]
    assert first.stdout is not None
    seconds, bad = first.stdout.readline().split()
    after = sum(_used(process.pid) for process in processes)
    for process in processes:
        _say(process)
    for process in processes:
        process.wait(60)
    return Measured(float(seconds), after - before, int(bad))


def _say(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _used(pid: int) -> float:
    """Return the seconds of CPU of a process and of its children that have ended."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--work", type=Path, metavar="PROJECT", help=argparse.SUPPRESS)
    parser.add_argument("--plan", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work is not None:
        return work(given.work, given.runs, plan=given.plan)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="throughput") as name, simulated(Path(name), given.runs) as root:
        for database, workers in (("SQLite", 1), ("PostgreSQL", 1), ("PostgreSQL", 4)):
            for plan in (True, False):
                with server() if database == "PostgreSQL" else nullcontext(None) as url:
                    found = measure(root, Path(name), url, workers, given.runs, plan=plan)
                sys.stdout.write(
                    f"{database:10} {workers} workers  {'looks' if plan else 'acts ':5}  {found.seconds:6.1f} s  "
                    f"{3600 * given.runs / found.seconds:6.0f} runs an hour  CPU {found.cpu / given.runs:5.2f} s a run"
                    f"{f'  FAILED: {found.bad}' if found.bad else ''}\n"
                )
                sys.stdout.flush()
                failed = failed or found.bad
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
