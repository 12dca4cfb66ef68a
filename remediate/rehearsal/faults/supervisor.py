"""Faults of queue workers."""

import shlex
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, PhpName, ProgramName, QueueName, UserName
from remediate.rehearsal.faults.fault import Fault, kept, restored

_QUEUE: Final = r"""
chdir($argv[1]);
require "vendor/autoload.php";
$app = require "bootstrap/app.php";
$kernel = $app->make("Illuminate\\Contracts\\Console\\Kernel");
$kernel->bootstrap();
for ($number = 0; $number < 3; $number++) {
    $kernel->queue("list");
}
"""
"""Queues jobs that change nothing."""


def given_up(program: str, script: str) -> str:
    """Have supervisor give a program up, as it does after some failed starts.

    The script exits with 1 when that takes too long. The program's own script is moved away meanwhile, so that it fails
    at once. On a slow host a failing start may last longer than supervisor's startsecs. There the program is started
    again and again. It is never stopped, because a stopped program is a person's decision.
    """
    status = f"{{ supervisorctl status '{program}:*' || true; }}"
    return (
        f"supervisorctl stop '{program}:*'\nmv {script} {script}.away\nsupervisorctl start '{program}:*' || true\n"
        f"until=$((SECONDS + 90)); while [ $SECONDS -lt $until ] && {status} | grep -vq FATAL; do sleep 0.5; done\n"
        f"mv {script}.away {script}\nif {status} | grep -v FATAL >&2; then exit 1; fi\n"
    )


class _OfWorkers(Fault):
    """A base for faults of the queue workers of one supervisor group."""

    program: ProgramName = Field(description="supervisor group")

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.program,)


class _Reconfigured(_OfWorkers):
    """A base for faults that change the workers' command in supervisor's configuration."""

    config: AbsolutePath = Field(description="supervisor's file for it")

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.program, self.config)

    def _edited(self, command: str) -> str:
        edit = f"sed -i 's|^command = .*|{command}|' {self.config}\n"
        return f"{kept(self.config)}{edit}supervisorctl update\nsleep 3\n"

    @override
    def mending(self) -> str:
        return f"{restored(self.config)}supervisorctl update"


class WorkersStopped(_OfWorkers):
    """Somebody stopped the queue workers and forgot them."""

    kind: Literal["workers-stopped"] = "workers-stopped"

    @override
    def describe(self) -> str:
        return f"the workers {self.program} are stopped"

    @override
    def breaking(self) -> str:
        return f"supervisorctl stop '{self.program}:*'"

    @override
    def mending(self) -> str:
        return f"supervisorctl start '{self.program}:*' || true"


class WorkersFatal(_OfWorkers):
    """The workers failed so often that supervisor gave up; the cause is gone."""

    kind: Literal["workers-fatal"] = "workers-fatal"
    script: AbsolutePath = Field(description="what they run: away for a while")

    @override
    def describe(self) -> str:
        return f"supervisor gave the workers {self.program} up (FATAL)"

    @override
    def breaking(self) -> str:
        return given_up(self.program, self.script)

    @override
    def mending(self) -> str:
        restore = f"if [ -f {self.script}.away ]; then mv {self.script}.away {self.script}; fi"
        return f"{restore}\nsupervisorctl start '{self.program}:*' || true"


class WorkersCrashing(_Reconfigured):
    """The workers die two seconds after every start, while supervisor shows them RUNNING."""

    kind: Literal["workers-crashing"] = "workers-crashing"

    @override
    def describe(self) -> str:
        return f"the workers {self.program} die two seconds after every start"

    @override
    def breaking(self) -> str:
        return self._edited('command = /bin/sh -c "sleep 2; exit 1"')


class WorkersHalted(_OfWorkers):
    """A signal stopped the workers (state T): supervisor shows them RUNNING, and jobs wait."""

    kind: Literal["workers-halted"] = "workers-halted"
    php: PhpName = Field(description="PHP's name")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")

    @override
    def describe(self) -> str:
        return f"the workers {self.program} are stopped by SIGSTOP, and jobs wait"

    @override
    def breaking(self) -> str:
        return f"{_signal('STOP', self.program)}\n{_jobs(self.php, self.path, self.user)}"

    @override
    def mending(self) -> str:
        return _signal("CONT", self.program)


class WorkersElsewhere(_Reconfigured):
    """The workers listen to another queue than the one with the jobs."""

    kind: Literal["workers-elsewhere"] = "workers-elsewhere"
    php: PhpName = Field(description="PHP's name")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")
    queue: QueueName = Field(default="mails", description="the queue that they listen to")

    @override
    def describe(self) -> str:
        return f"the workers {self.program} listen to {self.queue}, and jobs wait in the default queue"

    @override
    def breaking(self) -> str:
        return f"{self._edited(f'& --queue={self.queue}')}{_jobs(self.php, self.path, self.user)}"


def _signal(name: str, program: str) -> str:
    """Return the script that sends a signal to all running processes of a program."""
    running = f"{{ supervisorctl status '{program}:*' || true; }} | sed -n 's/.* pid \\([0-9]*\\),.*/\\1/p'"
    return f"for pid in $({running}); do kill -{name} $pid; done"


def _jobs(php: str, path: str, user: str) -> str:
    return shlex.join(("runuser", "-u", user, "--", f"/usr/bin/{php}", "-r", _QUEUE, path))
