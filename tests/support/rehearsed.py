"""A toy playbook, its cases, and what their runs answer."""

from collections.abc import Callable, Sequence
from typing import Literal

from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, Mode, Problem, Report, RunVerdict, StepOutcome, Touched, Verified
from remediate.core.playbook import Playbook, Severity, playbook
from remediate.core.remedy import Remedy
from remediate.core.verdict import Decision
from remediate.rehearsal.case import Case, FollowUp, cured, refused, unclaimed, unharmed
from remediate.rehearsal.faults import Fault, RootShell
from support.incidents import host
from support.shells import FILES, UNITS, FakeShell, look
from support.toys import RestartFpm, report_of

HOST = host(site_vantage=["host"])
STOPPED = look(units=UNITS.replace("Id=nginx.service", "Id=user@7.service"))
MENDED = look(units=UNITS.replace("4444", "8888"))
BYSTANDER = look(units=UNITS.replace("4444", "8888").replace("1111", "9999"))
EDITED = look(files=FILES.replace("c6125754", "deadbeef"))


class Broken(Fault):
    """nginx is stopped."""

    kind: Literal["broken"] = "broken"
    looks: str = STOPPED
    page: str = "\n000"

    def describe(self) -> str:
        return "nginx is stopped"

    def disturbs(self) -> tuple[str, ...]:
        return ("nginx",)

    def breaking(self) -> str:
        return "break it"

    def mending(self) -> str:
        return "undo it"

    def inject(self, host: RootShell) -> None:
        super().inject(host)
        assert isinstance(host, FakeShell)
        host.looks, host.page = self.looks, self.page


@playbook(severity=Severity.SEV3, symptoms=lambda _: (), runbook=lambda _: ("systemctl restart everything", "hangs"))
def toy(host: Host) -> Sequence[Remedy]:
    """Mend it."""
    return (RestartFpm(),)


class FakePlace:
    """A host that is as new whenever it is asked for."""

    def __init__(self, name: str = "rehearsal-1", trouble: Exception | None = None, at: str = "fresh") -> None:
        self.name = name
        self.trouble = trouble
        self.at = at
        self.shells: list[FakeShell] = []
        self.left: list[Sequence[Fault]] = []

    def fresh(self) -> tuple[Host, RootShell]:
        if self.trouble is not None and self.at == "fresh":
            raise self.trouble
        self.shells.append(FakeShell(name=self.name))
        return HOST, self.shells[-1]

    def leave(self, faults: Sequence[Fault]) -> None:
        self.left.append(faults)
        if self.trouble is not None and self.at == "leave":
            raise self.trouble

    def close(self) -> None:
        pass


class Runs:
    """The answers of a trial's runs, and their effect on the host: check, fix, again."""

    def __init__(self, place: FakePlace, *answers: "Answered") -> None:
        self.place = place
        self.left = list(answers)
        self.options: list[Options] = []

    def __call__(self, runnable: Playbook, hosts: Sequence[Host], *, options: Options, **_: object) -> Report:
        self.options.append(options)
        outcome, does = self.left.pop(0)
        does(self.place.shells[-1])
        return report_of(outcome, mode=Mode.PLAN if options.plan else Mode.FIX)


Answered = tuple[HostOutcome, Callable[[FakeShell], None]]


def nothing(_: FakeShell) -> None:
    pass


def becomes(looks: str, page: str = "Welcome\n200") -> Callable[[FakeShell], None]:
    def do(shell: FakeShell) -> None:
        shell.looks, shell.page = looks, page

    return do


def outcome(verdict: RunVerdict, *, touched: Touched = Touched.NO, acted: str = "", code: str = "") -> HostOutcome:
    step = StepOutcome(
        remedy=acted or "toy.fpm",
        title="nginx",
        params={},
        decision=Decision.PROCEED if acted else Decision.SKIP,
        code=code or None,
        why="it is down",
        advice="unmask it if it should run, then run this again" if code else "",
        changed=bool(acted),
        verified=Verified.PROVEN if acted else None,
    )
    error = Problem(code=code, message="so it is") if code else None
    return HostOutcome(
        name="web1",
        address="192.0.2.1",
        verdict=verdict,
        exit_code=verdict.exit_code,
        touched=touched,
        seconds=0.1,
        steps=(step,),
        error=error,
    )


PENDING = outcome(RunVerdict.PENDING)
FIXED = outcome(RunVerdict.FIXED, touched=Touched.YES, acted="toy.fpm")
HEALTHY = outcome(RunVerdict.HEALTHY)
REFUSED = outcome(RunVerdict.REFUSED, code="unit-masked")
NOT_FIXED = outcome(RunVerdict.NOT_FIXED, touched=Touched.YES, acted="toy.fpm", code="not-holding")

CURED = cured("nginx-stopped", Broken(), "toy.fpm")
MASKED = refused("nginx-masked", Broken(), "unit-masked")
REFUSALS = ((REFUSED, nothing), (REFUSED, nothing), (REFUSED, nothing))
UNMASKED = refused(
    "nginx-masked",
    Broken(),
    "unit-masked",
    then=FollowUp("unmask it if it should run", script="systemctl unmask nginx"),
)
FURTHER = refused(
    "nginx-masked", Broken(), "unit-masked", then=FollowUp("unmask it", override="it may run", leads_to="port-taken")
)
FLAPPING = unclaimed("nginx-flapping", Broken(), hold=8)
ODD = unharmed("nginx-odd", Broken(looks=EDITED, page="Welcome\n200"))

HONEST: dict[str, tuple[Case, tuple[Answered, ...]]] = {
    "mended": (CURED, ((PENDING, nothing), (FIXED, becomes(MENDED)), (HEALTHY, nothing))),
    "refused": (MASKED, ((REFUSED, nothing), (REFUSED, nothing), (REFUSED, nothing))),
    "advice leads to the end": (UNMASKED, (*REFUSALS, (FIXED, becomes(MENDED)))),
    "advice leads to a further truth": (
        FURTHER,
        (*REFUSALS, (outcome(RunVerdict.REFUSED, code="port-taken"), nothing)),
    ),
    "not claimed": (FLAPPING, ((PENDING, nothing), (NOT_FIXED, nothing))),
    "left alone": (ODD, ((HEALTHY, nothing), (HEALTHY, nothing), (HEALTHY, nothing))),
}


class Full(Broken):
    """nginx is stopped, and there is something that no file, unit or process tells of."""

    def keepsakes(self) -> str:
        return "what is kept"

    def inject(self, host: RootShell) -> None:
        super().inject(host)
        assert isinstance(host, FakeShell)
        host.kept = "25 sessions\n3 jobs\n"
