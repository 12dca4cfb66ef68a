"""Movement in the application's queues over some seconds, and the workers of the queues."""

from enum import Enum
from typing import Any, Final, Literal, NamedTuple, Self

from pydantic import Field, NonNegativeInt
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.field_types import FrozenModel, QueueName
from remediate.core.host import Host, Payments
from remediate.core.probe import Fact
from remediate.masking.masker import strip_control
from remediate.probes.php import AppProbe
from remediate.probes.queue import StoreTrouble

_PATIENCE: Final = 10
"""Seconds of watching. An idle worker asks for the next job every three (`queue:work --sleep=3`)."""
_GRACE: Final = 15
"""Extra seconds beyond a worker's own `--timeout`. The worker ends itself then, and its successor takes the next job.
"""
_LOOKED_INTO: Final = frozenset({"redis", "database"})


class QueueLevel(FrozenModel):
    """The jobs in one queue."""

    connection: str = Field(default="", max_length=220, description="its connection; empty = the default one")
    name: str = Field(max_length=120)
    before: NonNegativeInt = Field(description="jobs that waited at first, those in work and those of later left out")
    waiting: NonNegativeInt = Field(description="and at last")
    working: NonNegativeInt = Field(description="jobs that workers have reserved, the most at any time")
    later: NonNegativeInt = Field(description="jobs that are not due yet")
    taken: bool = Field(description="whether the job at its head was taken meanwhile, or there was none")
    oldest: NonNegativeInt | None = Field(
        default=None, description="seconds for which the oldest job waits; Redis cannot tell"
    )
    held: NonNegativeInt | None = Field(
        default=None, description="seconds since a worker took the newest job that is not done yet"
    )

    @property
    def called(self) -> str:
        """The queue's name for display, behind its connection's if that is not the default."""
        name = f"{self.connection}/{self.name}" if self.connection else self.name
        return " ".join(strip_control(name).split())[:100]


class QueueWorker(FrozenModel):
    """A process that takes jobs, and the options that it was started with."""

    pid: NonNegativeInt
    started: NonNegativeInt = Field(description="clock ticks since boot: proc(5), field 22 of stat")
    stopped: bool = Field(description="whether a signal has stopped it: state T of proc(5)")
    unit: str = Field(default="", max_length=250, description="systemd unit that it belongs to")
    connection: str = Field(max_length=120)
    queues: tuple[str, ...] = Field(max_length=20)
    timeout: NonNegativeInt = Field(description="seconds that one job may take; 0 = as long as it likes")
    sleep: NonNegativeInt = Field(description="seconds that it sleeps where it found no job")

    @property
    def identity(self) -> str:
        """The process id and the start time as one word."""
        return f"{self.pid}:{self.started}"


class Cause(Enum):
    """Reasons why nobody takes the jobs of a queue."""

    UNATTENDED = "unattended"
    """No worker on this host listens to it, and no other worker takes its jobs."""
    STOPPED = "stopped"
    """Its workers were stopped by a signal."""
    OVERDUE = "overdue"
    """Its workers have run their jobs for longer than their `--timeout` allows."""
    IDLE = "idle"
    """Its workers run no job and take none."""


class Stall(NamedTuple):
    """A queue in which jobs wait and none moves."""

    level: QueueLevel
    cause: Cause
    workers: tuple[QueueWorker, ...]
    """The workers on this host that listen to it."""

    def describe(self) -> str:
        """Return the waiting jobs, the age of the oldest and the reason as text."""
        level = self.level
        what = f"{level.waiting} job{'s wait' if level.waiting != 1 else ' waits'} in {level.called}"
        since = f", the oldest for {_span(level.oldest)}" if level.oldest is not None else ""
        return f"{what}{since}: {self.reason}"

    @property
    def reason(self) -> str:
        """The reason as text."""
        count = len(self.workers)
        who = "its worker" if count == 1 else f"its {count} workers"
        return _SAID[self.cause].format(who=who, be="is" if count == 1 else "are")


_SAID = {
    Cause.UNATTENDED: "no worker here listens to it",
    Cause.STOPPED: "{who} {be} stopped by a signal (state T)",
    Cause.OVERDUE: "{who} {be} busy with one job for longer than --timeout allows",
    Cause.IDLE: "{who} {be} running without a job, and no job is taken",
}


class QueueMotionState(Fact):
    """The waiting jobs of each queue, their movement, and the workers for them."""

    trouble: StoreTrouble | None
    connection: str = Field(default="", description="the application's default queue connection", max_length=220)
    driver: str = Field(default="redis", description="its driver", max_length=60)
    seconds: float = Field(default=0, ge=0, le=3600, description="how long was looked")
    whole: bool = Field(default=True, description="whether all queues that hold jobs are among them")
    queues: tuple[QueueLevel, ...] = ()
    workers: tuple[QueueWorker, ...] = Field(default=(), description="the application's workers on this host")
    horizon: bool = Field(default=False, description="whether Horizon is there, which looks after its workers itself")
    patience: NonNegativeInt = Field(default=120, description="seconds that a job may wait where that can be known")
    left_alone: tuple[str, ...] = Field(default=(), description="queues that may stand still")
    judged: tuple[str, ...] = Field(default=(), description="the only queues that have to move; empty = all")

    @property
    @override
    def ok(self) -> bool | None:
        return self.trouble is None and not self.stalls and not self.all_stopped and not self.untaken

    @property
    def waiting(self) -> int:
        """The number of waiting jobs in all queues together."""
        return sum(each.waiting for each in self.queues)

    @property
    def looked_into(self) -> bool:
        """True if the jobs of the default connection could be counted.

        The driver `sync` has none, and other drivers cannot be examined.
        """
        return self.driver in _LOOKED_INTO

    @property
    def all_stopped(self) -> bool:
        """True if there are workers and a signal has stopped every one of them."""
        return not self.horizon and bool(self.workers) and all(each.stopped for each in self.workers)

    @property
    def stalls(self) -> tuple[Stall, ...]:
        """The queues that should move and do not, with the workers to blame; of Horizon's see `untaken`."""
        if self.horizon:
            return ()
        causes = ((each, self._cause(each)) for each in self.queues if self._has_to_move(each))
        return tuple(Stall(each, cause, self._listening(each)) for each, cause in causes if cause is not None)

    @property
    def untaken(self) -> tuple[QueueLevel, ...]:
        """Horizon's queues in which jobs wait, none was taken, and none of their connection is in work."""
        if not self.horizon:
            return ()
        # A job that outlasts `retry_after` counts as waiting, though its worker may still be at it.
        lately = (each for each in self.queues if each.working or (each.held is not None and each.held < self.patience))
        busy = {each.connection for each in lately}
        still = (each for each in self.queues if each.waiting and not each.taken and each.connection not in busy)
        return tuple(each for each in still if self._has_to_move(each) and not self._is_young(each))

    @property
    def may_be_young(self) -> bool:
        """True if all that speaks against it are jobs of unknown age, and no worker is here: look again.

        A scheduler may start a worker every minute, and workers of another host may be busy.
        """
        unseen = all(each.cause is Cause.UNATTENDED and each.level.oldest is None for each in self.stalls)
        return bool(self.stalls) and unseen and not self.workers

    @override
    def describe(self) -> str:
        if self.trouble is not None:
            return f"its store {self.trouble}"
        if self.stalls:
            return "; ".join(stall.describe() for stall in self.stalls)
        if self.all_stopped:
            return f"its {len(self.workers)} workers are stopped by a signal (state T)"
        if self.untaken:
            held = ", ".join(f"{each.waiting} in {each.called}" for each in self.untaken)
            status = "Horizon is there, `php artisan horizon:status` tells whether it is paused"
            return f"jobs wait: {held}, and none was taken in {self.seconds:g} s; {status}"
        unseen = "there is none (sync)" if self.driver == "sync" else f"not examined: {self.driver[:40]} keeps it"
        if not self.looked_into and not self.waiting:
            return unseen
        horizon = ", its workers belong to Horizon and are not examined" if self.horizon else ""
        horizon += "" if self.whole else ", but not every queue could be read"
        if not self.waiting:
            return f"nothing waits{horizon}"
        held = ", ".join(f"{each.waiting} in {each.called}" for each in self.queues if each.waiting)
        return f"jobs wait: {held}{horizon}" + ("" if self.looked_into else f"; the default queue: {unseen}")

    def _has_to_move(self, level: QueueLevel) -> bool:
        named = not self.judged or (level.name in self.judged and not level.connection)
        return named and level.name not in self.left_alone

    def _is_young(self, level: QueueLevel) -> bool:
        return level.oldest is not None and level.oldest < self.patience

    def _listening(self, level: QueueLevel) -> tuple[QueueWorker, ...]:
        connection = level.connection or self.connection
        return tuple(each for each in self.workers if each.connection == connection and level.name in each.queues)

    def _cause(self, level: QueueLevel) -> Cause | None:
        if level.taken or not level.waiting:
            return None
        listening = self._listening(level)
        running = [each for each in listening if not each.stopped]
        # A worker that listens to several queues may run a job of any of them. So may a worker on another host.
        served = {level.name, *(name for each in running for name in each.queues)}
        at = [
            each
            for each in self.queues
            if each.connection == level.connection and (each.name in served or not self.workers)
        ]
        busy = min((each.held for each in at if each.held is not None), default=None)
        if busy is None and any(each.working for each in at):
            return None  # a job is running, but nobody knows since when
        if not self.workers and any(each.working for each in at):
            return None  # workers of another host are at it, and nobody knows how long their jobs may take
        longest = self.patience if not running else max(each.timeout for each in running)
        endless = any(each.timeout == 0 for each in running)
        if (not listening or running) and busy is not None and (endless or busy <= longest + _GRACE):
            return None
        if listening and not running:
            return Cause.STOPPED
        if self._is_young(level):
            return None
        if not listening:
            return Cause.UNATTENDED
        if busy is not None:
            return Cause.OVERDUE
        return Cause.IDLE if self.seconds > max(each.sleep for each in running) + 1 else None


class QueueMotion(AppProbe[QueueMotionState]):
    """Watch for some seconds whether jobs are taken from the queues.

    It watches the named queues and all others that hold jobs. It ends at once if nothing waits, and after three seconds
    if everything moves. Only the drivers `redis` and `database` can be looked into; `sync` has no queue at all.
    """

    kind: Literal["queue.motion"] = "queue.motion"
    program = "queue"
    asked_together = True
    subject = "queues"
    queues: tuple[QueueName, ...] = Field(default=("default",), min_length=1, description="names of queues")
    patience: int = Field(default=120, ge=1, le=86400, description="seconds that a job may wait")
    left_alone: tuple[QueueName, ...] = Field(default=(), description="queues that may stand still")
    others: bool = Field(default=True, description="whether queues that are not named have to move too")

    @classmethod
    def of(cls, host: Host) -> Self | None:
        """Return the question about a host's queue; None if its PHP or path is unknown."""
        settings = host.settings
        if settings.php is None or settings.app_path is None:
            return None
        return cls(
            php=settings.php,
            path=settings.app_path,
            user=settings.app_user,
            queues=settings.maintenance.queues,
            patience=settings.queue.patience,
            left_alone=settings.queue.left_alone,
        )

    @classmethod
    def of_payments(cls, host: Host) -> Self | None:
        """Return the question about the queues that payments go through; None if its PHP or path is unknown."""
        queues = (host.settings.payments or Payments()).queues
        motion = cls.of(host)
        return motion and motion.model_copy(update={"queues": queues, "others": False})

    @override
    def command(self) -> Run:
        return self.ask("motion", str(_PATIENCE), *self.queues, seconds=_PATIENCE + 15)

    @override
    def understand(self, answer: Any) -> QueueMotionState:
        match answer:
            case {"state": "ok", "workers": workers, **found}:
                # A helper of an earlier version sends no workers, and then no queue would seem to have any.
                judged = () if self.others else self.queues
                known = {"trouble": None, "patience": self.patience, "left_alone": self.left_alone, "judged": judged}
                return QueueMotionState.model_validate({**found, "workers": workers, **known})
            case {"state": "failed", "why": str(why)}:
                return QueueMotionState(trouble=StoreTrouble(why))
        raise TypeError


def _span(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
