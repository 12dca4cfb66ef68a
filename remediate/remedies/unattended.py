"""Queues without a worker; a person chooses the worker."""

import shlex
from collections import Counter
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.field_types import ProgramName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import RefusalCode, Verdict, refuse, skip, wait
from remediate.probes.queue_motion import Cause, QueueMotion, QueueMotionState, Stall
from remediate.remedies.application import stated
from remediate.remedies.human import HumanTask
from remediate.remedies.workers import NOT_SUPERVISED

QUEUE_UNATTENDED = RefusalCode(
    name="queue-unattended",
    meaning="Jobs wait in a queue without a worker: a person decides which worker takes them.",
    advice="make a worker listen to that queue, or name it in remediate.queue.left_alone if it may wait; "
    "then run this again",
)


class AttendQueue(HumanTask):
    """Report that jobs wait and no worker takes them, where a person has to choose or restart the workers.

    No worker listens to that queue, or systemd or Horizon runs its workers. The refusal names the queues that the
    workers do listen to, or the units that run them.
    """

    kind: Literal["queue.attend"] = "queue.attend"
    subject = "queue"
    program: ProgramName | None = Field(default=None, description="supervisor group or program of the queue workers")
    queue: QueueMotion = Field(description="the question whether jobs are taken")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (QUEUE_UNATTENDED, NOT_SUPERVISED)
    after: ClassVar[tuple[str, ...]] = ("laravel.up", "incident.hand-over", "supervisor.restart", "worker.start")

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return stated(program=host.settings.worker_program, queue=QueueMotion.of(host))

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self.queue,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        state = facts[self.queue]
        stall = next((each for each in state.stalls if each.cause is Cause.UNATTENDED), None)
        if stall is not None:
            reason = f"{stall.describe()}; {listened_to(state)}. {self.advice(state, stall)}"
            may_move = self.program is None and state.may_be_young
            return wait(reason, QUEUE_UNATTENDED) if may_move else refuse(QUEUE_UNATTENDED, reason)
        if state.untaken or (self.program is None and (state.stalls or state.all_stopped)):
            return refuse(NOT_SUPERVISED, f"{state.describe()}{_run_by(state)}")
        return skip("no queue with jobs in it is without a worker")

    def advice(self, state: QueueMotionState, stall: Stall) -> str:
        """Return what a person can do: give the queue a worker, or empty it."""
        name = stall.level.name
        connection = stall.level.connection
        if self.program is None and not state.workers:
            attend = "Start the worker that takes its jobs"
        elif self.program is None:
            attend = f"Name {name} in --queue of a worker's command"
        elif connection:
            attend = f"Name {name} in --queue of a worker of connection {connection}, in its command"
        else:
            attend = f"Name {name} in --queue of {self.program}'s command"
        artisan = (f"/usr/bin/{self.queue.php}", f"{self.queue.path}/artisan", "queue:work")
        words = (*artisan, *filter(None, [stall.level.connection]), f"--queue={name}", "--stop-when-empty")
        return f"{attend}, or work it off now: `sudo -u {self.queue.user} {shlex.join(words)}`"


def _run_by(state: QueueMotionState) -> str:
    """Tell which units run the workers, if systemd knows."""
    units = sorted({each.unit for each in state.workers if each.unit})
    return f"; their units: {', '.join(units)}" if units and not state.horizon else ""


def listened_to(state: QueueMotionState) -> str:
    """Describe which queues the workers of a host listen to."""
    said = Counter(" of ".join((", ".join(each.queues), each.connection)) for each in state.workers)
    if not said:
        return "there is no worker at all"
    return "; ".join(f"{count} listen{'s' if count == 1 else ''} to {what}" for what, count in said.items())
