"""The loop of a rehearsal: observation counts, and every false claim is named."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from remediate.core.host import Host
from remediate.core.outcome import RunVerdict, Touched
from remediate.errors import ConfigurationError
from remediate.rehearsal.case import Case, FollowUp, cured, refused
from remediate.rehearsal.faults import RootShell
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.outcome import TrialOutcome
from remediate.rehearsal.rehearse import Plan, rehearse
from remediate.rehearsal.trial import Pairs, matrix
from support.rehearsed import (
    BYSTANDER,
    CURED,
    EDITED,
    FIXED,
    FLAPPING,
    FURTHER,
    HEALTHY,
    HONEST,
    MASKED,
    MENDED,
    NOT_FIXED,
    ODD,
    PENDING,
    REFUSALS,
    REFUSED,
    STOPPED,
    UNMASKED,
    Answered,
    Broken,
    FakePlace,
    Full,
    Runs,
    becomes,
    nothing,
    outcome,
    toy,
)
from support.shells import FakeShell

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
        "the advised run says refused (unit-masked: so it is), not fixed or healthy",
    ),
    "advice leaves the site wrong": (
        UNMASKED,
        (*REFUSALS, (FIXED, becomes(MENDED, "\n502"))),
        "after the advised step: / on the host: status 502",
    ),
    "advice leads somewhere else": (
        FURTHER,
        (*REFUSALS, (REFUSED, nothing)),
        "the advised step leads to unit-masked, not to port-taken",
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


# -- what nobody may lose ----------------------------------------------------------------------------------------------


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
