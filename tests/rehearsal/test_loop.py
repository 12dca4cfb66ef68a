"""The loop of a rehearsal: observation counts, and every false claim is named."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Literal

import pytest

from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, Mode, Problem, Report, RunVerdict, StepOutcome, Touched, Verified
from remediate.core.playbook import Playbook, Severity, playbook
from remediate.core.remedy import Remedy
from remediate.core.verdict import Decision
from remediate.engine.fleet import run as real_run
from remediate.errors import ConfigurationError, UnreachableCode
from remediate.rehearsal.case import Case, FollowUp, cured, refused, unclaimed, unharmed
from remediate.rehearsal.faults import Fault, RootShell
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.outcome import RehearsalReport, TrialOutcome
from remediate.rehearsal.rehearse import Plan, rehearse
from remediate.rehearsal.trial import Pairs, matrix
from support.incidents import host
from support.scripted import FactSession
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
    """What the runs of a trial answer, and what they do to the host meanwhile: check, fix, again."""

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
LIES: dict[str, tuple[Case, tuple[Answered, ...], str]] = {
    "check changes something": (
        CURED,
        ((PENDING, becomes(MENDED, "\n000")), (FIXED, becomes(MENDED)), (HEALTHY, nothing)),
        "check changed something: nginx is new",
    ),
    "check calls it healthy": (
        CURED,
        ((HEALTHY, nothing), (FIXED, becomes(MENDED)), (HEALTHY, nothing)),
        "check says healthy, not pending",
    ),
    "fix says fixed but the site is wrong": (
        CURED,
        ((PENDING, nothing), (FIXED, becomes(MENDED, "\n502")), (HEALTHY, nothing)),
        "after fix / on the host: status 502",
    ),
    "fix says fixed and did nothing": (
        CURED,
        ((PENDING, nothing), (FIXED, becomes(STOPPED)), (HEALTHY, nothing)),
        "after fix nginx is gone",
    ),
    "fix leaves a file edited": (
        CURED,
        ((PENDING, nothing), (FIXED, becomes(EDITED)), (HEALTHY, nothing)),
        "fix: bystander /etc/nginx/nginx.conf was c6125754, is deadbeef",
    ),
    "fix touches a bystander": (
        CURED,
        ((PENDING, nothing), (FIXED, becomes(BYSTANDER)), (HEALTHY, nothing)),
        "fix: bystander ssh was started again",
    ),
    "fix acts with something else": (
        CURED,
        (
            (PENDING, nothing),
            (outcome(RunVerdict.FIXED, touched=Touched.YES, acted="big.hammer"), becomes(MENDED)),
            (HEALTHY, nothing),
        ),
        "fix acted with big.hammer, not toy.fpm",
    ),
    "fix does not mend it": (
        CURED,
        ((PENDING, nothing), (NOT_FIXED, nothing), (HEALTHY, nothing)),
        "fix says not_fixed (not-holding: so it is), not fixed",
    ),
    "the second run acts again": (
        CURED,
        ((PENDING, nothing), (FIXED, becomes(MENDED)), (FIXED, nothing)),
        "the second fix says fixed, not healthy",
    ),
    "the second run changes something": (
        CURED,
        ((PENDING, nothing), (FIXED, becomes(MENDED)), (HEALTHY, becomes(BYSTANDER))),
        "the second fix changed something: ssh was started again",
    ),
    "the second run breaks the site": (
        CURED,
        ((PENDING, nothing), (FIXED, becomes(MENDED)), (HEALTHY, becomes(MENDED, "\n500"))),
        "afterwards / on the host: status 500",
    ),
    "the second run says that it touched the host": (
        CURED,
        (
            (PENDING, nothing),
            (FIXED, becomes(MENDED)),
            (outcome(RunVerdict.HEALTHY, touched=Touched.UNKNOWN), nothing),
        ),
        "the second fix says touched: unknown, not no",
    ),
    "what is to be refused is mended": (
        MASKED,
        ((PENDING, nothing), (FIXED, becomes(MENDED)), (HEALTHY, nothing)),
        "fix says fixed, not refused",
    ),
    "refused with another code": (
        MASKED,
        ((REFUSED, nothing), (outcome(RunVerdict.REFUSED, code="port-taken"), nothing), (REFUSED, nothing)),
        "fix does not say unit-masked",
    ),
    "refused, and something was changed all the same": (
        MASKED,
        ((REFUSED, nothing), (REFUSED, becomes(MENDED)), (REFUSED, nothing)),
        "fix changed something: nginx is new",
    ),
    "refused, and says that it touched the host": (
        MASKED,
        (
            (REFUSED, nothing),
            (outcome(RunVerdict.REFUSED, touched=Touched.YES, code="unit-masked"), nothing),
            (REFUSED, nothing),
        ),
        "fix says touched: yes, not no",
    ),
    "advice leads nowhere": (
        UNMASKED,
        (*REFUSALS, (REFUSED, nothing)),
        "the run that is advised says refused (unit-masked: so it is), not fixed or healthy",
    ),
    "advice leaves the site wrong": (
        UNMASKED,
        (*REFUSALS, (FIXED, becomes(MENDED, "\n502"))),
        "with what is advised / on the host: status 502",
    ),
    "advice leads somewhere else": (
        FURTHER,
        (*REFUSALS, (REFUSED, nothing)),
        "what is advised leads to unit-masked, not to port-taken",
    ),
    "advice is not given": (
        refused("nginx-masked", Broken(), "unit-masked", then=FollowUp("reboot it")),
        (*REFUSALS, (FIXED, becomes(MENDED))),
        "the refusal does not say `reboot it`",
    ),
    "what cannot be mended is claimed": (
        FLAPPING,
        ((PENDING, nothing), (FIXED, becomes(MENDED))),
        "fix says fixed, not not_fixed or refused",
    ),
    "what is none of its business is mended": (
        ODD,
        ((PENDING, nothing), (FIXED, becomes(MENDED)), (HEALTHY, nothing)),
        "fix says fixed, not healthy",
    ),
}

Rehearse = Callable[..., RehearsalReport]


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., TrialOutcome]:
    def rehearsed(case: Case, answers: Sequence[Answered], place: FakePlace | None = None) -> TrialOutcome:
        place = place or FakePlace()
        monkeypatch.setattr("remediate.rehearsal.rehearse.run", Runs(place, *answers))
        trials = matrix((case,), Pairs.NONE)[1:]
        (trial,) = rehearse(Plan(toy, trials, whole=False, journal=tmp_path / "journal"), [place]).trials
        return trial

    return rehearsed


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_run_is_as_declared(name: str, one: Callable[..., TrialOutcome]) -> None:
    case, answers = HONEST[name]
    place = FakePlace()
    trial = one(case, answers, place)
    assert trial.deviations == ()
    assert trial.passed
    assert (trial.name, trial.fault, trial.expected) == (case.name, "nginx is stopped", case.expected.value)
    assert place.left == [(case.fault,)]


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_a_deviation(name: str, one: Callable[..., TrialOutcome]) -> None:
    case, answers, words = LIES[name]
    trial = one(case, answers)
    assert not trial.passed
    assert any(words in each for each in trial.deviations), trial.deviations


def test_what_cannot_be_mended_is_not_asked_twice(one: Callable[..., TrialOutcome]) -> None:
    assert one(*HONEST["not claimed"]).again is None


def test_the_window_and_the_deadline_are_those_of_the_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = FakePlace()
    runs = Runs(place, *HONEST["not claimed"][1])
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", runs)
    rehearse(Plan(toy, matrix((FLAPPING,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j"), [place])
    assert [(each.plan, each.hold, each.timeout) for each in runs.options] == [(True, 8, 120), (False, 8, 120)]


def test_advice_is_followed_as_it_is_declared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = FakePlace()
    runs = Runs(place, *HONEST["advice leads to the end"][1], *HONEST["advice leads to a further truth"][1])
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", runs)
    rehearse(Plan(toy, matrix((UNMASKED, FURTHER), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j"), [place])
    assert "systemctl unmask nginx" in place.shells[0].scripts
    assert [each.overrides for each in runs.options] == [{}] * 7 + [{"unit-masked": "it may run"}]


# -- what goes wrong around a run --------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["fresh", "leave"])
@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (StagingError("podman run: no space left"), "StagingError: podman run: no space left"),
        (ConfigurationError("web1 does not carry the marker"), "ConfigurationError: web1 does not carry the marker"),
        (ZeroDivisionError("division by zero"), "a bug in a fault, a playbook or remediate: ZeroDivisionError"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_a_place_that_fails_is_a_deviation(
    trouble: Exception, words: str, at: str, one: Callable[..., TrialOutcome]
) -> None:
    case, answers = HONEST["mended"]
    trial = one(case, answers, FakePlace(trouble=trouble, at=at))
    assert not trial.passed
    assert words in trial.deviations[0]


class Clumsy(Broken):
    """Its author made a mistake."""

    def inject(self, host: RootShell) -> None:
        raise KeyError("unit")


def test_a_fault_with_a_bug_is_a_deviation_and_is_undone(one: Callable[..., TrialOutcome]) -> None:
    place = FakePlace()
    trial = one(cured("clumsy", Clumsy(), "toy.fpm"), (), place)
    assert "a bug in a fault" in trial.deviations[0]
    assert "test_loop.py, line" in trial.deviations[0]
    assert [len(each) for each in place.left] == [1]


def test_a_host_that_is_not_marked_is_not_broken(one: Callable[..., TrialOutcome]) -> None:
    class Unmarked(FakePlace):
        def fresh(self) -> tuple[Host, RootShell]:
            host, shell = super().fresh()
            self.shells[-1].marked = False
            return host, shell

    place = Unmarked()
    trial = one(CURED, (), place)
    assert "nothing is broken on a host that is not marked" in trial.deviations[0]
    assert place.shells[0].scripts == []


def test_a_run_without_an_outcome_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def several(*_: object, **__: object) -> Report:
        problem = Problem(code="configuration", message="several PHPs may be the site's")
        return report_of(HEALTHY).model_copy(update={"hosts": (), "error": problem})

    monkeypatch.setattr("remediate.rehearsal.rehearse.run", several)
    plan = Plan(toy, matrix((CURED,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j")
    (trial,) = rehearse(plan, [FakePlace()]).trials
    assert trial.deviations == ("StagingError: several PHPs may be the site's",)


def test_real_runs_keep_a_journal_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[dict[str, object]] = []

    def spied(*arguments: object, **keywords: object) -> Report:
        given.append(keywords)
        gone = FactSession({}, unreachable=UnreachableCode.REFUSED)
        return real_run(*arguments, connect=lambda _: gone, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr("remediate.rehearsal.rehearse.run", spied)
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path / "state"))
    plan = Plan(toy, matrix((CURED,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "own.sqlite3")
    (trial,) = rehearse(plan, [FakePlace()]).trials
    assert trial.deviations[0].startswith("check says unreachable")
    assert (tmp_path / "own.sqlite3").is_file()
    assert not (tmp_path / "state").exists()
    assert {str(each["operator"]) for each in given} == {"rehearsal"}


# -- many trials, several places, and an end before the end ------------------------------------------------------------


def answer_all(runnable: Playbook, hosts: Sequence[Host], *, options: Options, **_: object) -> Report:
    return report_of(HEALTHY)


def many(count: int) -> tuple[Case, ...]:
    return tuple(unharmed(f"odd-{number}", ODD.fault) for number in range(count))


def test_trials_are_shared_among_places_and_told_as_they_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", answer_all)
    places = [FakePlace("rehearsal-1"), FakePlace("rehearsal-2")]
    told: list[tuple[int, int]] = []
    trials = matrix(many(11), Pairs.NONE)
    report = rehearse(
        Plan(toy, trials, whole=True, journal=tmp_path / "j"),
        places,
        told=lambda number, total, _: told.append((number, total)),
    )
    assert told == [(number, 12) for number in range(1, 13)]
    assert [trial.name for trial in report.trials] == [trial.name for trial in trials]
    assert sum(len(place.left) for place in places) == 12
    assert (report.passed, report.whole, report.stopped, report.playbook) == (True, True, False, "toy")


def test_one_deviation_is_enough_not_to_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", answer_all)
    report = rehearse(Plan(toy, matrix((ODD, CURED), Pairs.NONE), whole=True, journal=tmp_path / "j"), [FakePlace()])
    assert not report.passed
    assert [trial.passed for trial in report.trials] == [True, True, False]


def test_stopped_drops_what_was_cut_short_and_does_not_begin_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stop, place, told = Event(), FakePlace(), list[str]()

    def interrupted(runnable: Playbook, hosts: Sequence[Host], *, options: Options, **_: object) -> Report:
        if len(place.shells) == 3:
            stop.set()
        return report_of(HEALTHY)

    monkeypatch.setattr("remediate.rehearsal.rehearse.run", interrupted)
    report = rehearse(
        Plan(toy, matrix(many(5), Pairs.NONE), whole=True, journal=tmp_path / "j"),
        [place],
        told=lambda _, __, trial: told.append(trial.name),
        stop=stop,
    )
    assert [trial.name for trial in report.trials] == told == ["healthy", "odd-0"]
    assert (report.stopped, report.passed) == (True, False)
    assert len(place.shells) == len(place.left) == 3, "what was broken when it stopped is undone"


def test_nothing_tried_is_nothing_proven(tmp_path: Path) -> None:
    assert not rehearse(Plan(toy, (), whole=True, journal=tmp_path / "j"), [FakePlace()]).passed


# -- what nobody may lose ----------------------------------------------------------------------------------------------


class Full(Broken):
    """nginx is stopped, and there is something that no file, unit or process tells of."""

    def keepsakes(self) -> str:
        return "what is kept"

    def inject(self, host: RootShell) -> None:
        super().inject(host)
        assert isinstance(host, FakeShell)
        host.kept = "25 sessions\n3 jobs\n"


def loses(shell: FakeShell) -> None:
    shell.looks, shell.page, shell.kept = MENDED, "Welcome\n200", "0 sessions\n3 jobs\n"


@pytest.mark.parametrize(
    ("does", "deviations"), [(becomes(MENDED), ()), (loses, ("fix lost 25 sessions",))], ids=["kept", "lost"]
)
def test_a_fix_that_loses_what_is_not_its_own_deviates(
    does: Callable[[FakeShell], None], deviations: tuple[str, ...], one: Callable[..., TrialOutcome]
) -> None:
    answers = ((PENDING, nothing), (FIXED, does), (HEALTHY, nothing))
    assert one(cured("nginx-full", Full(), "toy.fpm"), answers).deviations == deviations


# -- the yardstick -----------------------------------------------------------------------------------------------------


def test_the_runbook_is_typed_on_the_same_fault_and_judged_by_the_same_eyes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = FakePlace()
    monkeypatch.setattr("remediate.rehearsal.rehearse.sleep", lambda _: None)
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", Runs(place, *HONEST["mended"][1]))
    plan = Plan(toy, matrix((CURED,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j", yardstick=True)
    (trial,) = rehearse(plan, [place]).trials
    assert trial.deviations == (), "how the runbook fares is no deviation of the playbook"
    assert trial.typed is not None
    assert (trial.typed.claimed, trial.typed.well, trial.typed.harm) == (False, False, ())
    assert place.shells[1].typed == ["systemctl restart everything", "hangs"]
    assert len(place.left) == 2


def test_what_the_runbook_does_to_others_is_harm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Heavy(FakeShell):
        def exec(self, argv: Sequence[str], *, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
            if "restart everything" in argv[-1]:
                self.looks, self.page, self.kept = BYSTANDER, "Welcome\n200", "0 sessions\n3 jobs\n"
            return super().exec(argv, timeout=timeout)

    class Place(FakePlace):
        def fresh(self) -> tuple[Host, RootShell]:
            self.shells.append(Heavy(name=self.name))
            return HOST, self.shells[-1]

    place = Place()
    monkeypatch.setattr("remediate.rehearsal.rehearse.sleep", lambda _: None)
    monkeypatch.setattr("remediate.rehearsal.rehearse.run", Runs(place, *HONEST["mended"][1]))
    case = cured("nginx-full", Full(), "toy.fpm")
    plan = Plan(toy, matrix((case,), Pairs.NONE)[1:], whole=False, journal=tmp_path / "j", yardstick=True)
    (trial,) = rehearse(plan, [place]).trials
    assert trial.typed is not None
    assert (trial.typed.well, trial.typed.harm) == (True, ("ssh was started again", "lost: 25 sessions"))
