"""A fake root shell that returns recorded output and remembers its commands."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from remediate.rehearsal.machine import StagingError

UNITS = """\
Id=ssh.service
InvocationID=1111
ActiveState=active
TriggeredBy=

Id=user@1000.service
InvocationID=2222
ActiveState=active
TriggeredBy=

Id=phpsessionclean.service
InvocationID=3333
ActiveState=activating
TriggeredBy=phpsessionclean.timer

Id=nginx.service
InvocationID=4444
ActiveState=active
TriggeredBy=

Id=php8.2-fpm.service
InvocationID=5555
ActiveState=active
TriggeredBy=
"""
FILES = """\
c6125754  /etc/nginx/nginx.conf
00e75b62  /etc/supervisor/conf.d/agency-worker.conf
12345678  /home/forge/agency-platform/.env
"""
PORTS = """\
0.0.0.0:22 users:(("sshd",pid=80,fd=3)) ssh.service
0.0.0.0:80 users:(("nginx",pid=79,fd=5),("nginx",pid=78,fd=5)) nginx.service nginx.service
127.0.0.1:3306 users:(("mariadbd",pid=36,fd=21)) mariadb.service
"""
PROGRAMS = """\
agency-reports                   STOPPED   Not started
agency-worker:agency-worker_00   RUNNING   160
agency-worker:agency-worker_01   RUNNING   161
"""
PROCESSES = "2 agency-worker /usr/bin/php8.2 /home/forge/agency-platform/artisan queue:work \n"


def look(
    units: str = UNITS, files: str = FILES, ports: str = PORTS, programs: str = PROGRAMS, processes: str = PROCESSES
) -> str:
    """Return the output of an observer's only command."""
    return f"{units}==\n{files}==\n{ports}==\n{programs}==\n{processes}"


@dataclass
class FakeShell:
    """A fake RootShell whose answers a test may change at any time."""

    name: str = "rehearsal-1"
    looks: str = field(default_factory=look)
    marked: bool = True
    page: str = "Welcome\n200"
    running: bool = True
    kept: str = ""
    fails: Callable[[str], bool] = lambda _: False
    scripts: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    def exec(self, argv: Sequence[str], *, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
        text = argv[2] if len(argv) > 2 else argv[0]
        if argv[0] == "/bin/bash" and "supervisorctl status" in text:
            return self._done(self.looks)
        if "curl" in text:
            return self._done(self.page)
        if text == "uname -s":
            return self._done("Linux\n")
        if "systemctl" in text and argv[0] == "/bin/sh":
            return self._done("", 0 if self.running else 3)
        if argv[0] == "/bin/bash":
            self.typed.append(text)
            if "hangs" in text:
                raise StagingError(f"{self.name}: {text} did not end within {timeout:.0f} s")
        return self._done("", 1 if self.fails(text) else 0)

    def script(self, text: str, timeout: float = 60) -> str:
        if "/etc/remediate-staging" in text:
            return "marked\n" if self.marked else "\n"
        if text == "what is kept":
            return self.kept
        self.scripts.append(text)
        if self.fails(text):
            raise StagingError(f"a script failed on {self.name} (1): no such thing")
        return ""

    @staticmethod
    def _done(stdout: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess((), code, stdout, "")
