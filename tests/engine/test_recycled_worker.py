"""A worker that ends by itself within the window: recycled when it lived long, unstable when it did not."""

from collections.abc import Mapping

import pytest

from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.core.playbook import HostPlan
from remediate.playbooks.app_down import app_down
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.testing import ScriptedEvent, play
from support import examples as ex
from support.incidents import AGAIN, DOWN, FPM, HEALTHY, HOST, PAGES, UP, WORKERS, restart
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

BROKEN: Changes = {**HEALTHY, FPM: ex.FAILED, **DOWN}
MENDED: Changes = {FPM: AGAIN, **UP}
STARTING = ex.workers("RUNNING", "STARTING")
OTHER = ex.workers("RUNNING", "RUNNING").model_copy(
    update={
        "processes": (
            ex.workers("RUNNING").processes[0],
            ex.workers("RUNNING", "RUNNING", pid=20001, uptime=2).processes[1],
        )
    }
)
"""The second worker is another process."""
WINDOW = range(3, 9)
"""The surveys of the window, behind the first look and the one after the act; the last look comes after it."""


def played(at: Mapping[int, Changes | ScriptedEvent], *, symptom: bool) -> HostOutcome:
    """Mend PHP-FPM; workers are part of the symptom (app-down), or only looked at (as in database-down)."""
    session = FactSession(BROKEN, MENDED, at=at)
    host_plan = app_down(HOST)
    if not symptom:
        (mend,) = (each for each in host_plan.remedies if isinstance(each, RestartPhpFpm))
        host_plan = HostPlan(symptoms=PAGES, diagnosis=(WORKERS,), remedies=(mend,))
    outcome = play(host_plan, session, host=HOST, options=Options(hold=0.05, yes=True))
    assert session.ran == [restart("php8.2-fpm")]
    return outcome


@pytest.mark.parametrize("symptom", [True, False], ids=["symptom", "looked at"])
@pytest.mark.parametrize("falls", [*WINDOW, 9])
def test_one_that_lived_long_and_makes_room_is_no_fault(falls: int, symptom: bool) -> None:
    outcome = played({falls: {WORKERS: STARTING}, falls + 1: {WORKERS: OTHER}}, symptom=symptom)
    assert outcome.verdict is RunVerdict.FIXED, outcome.error


@pytest.mark.parametrize("symptom", [True, False], ids=["symptom", "looked at"])
def test_nor_is_one_that_was_not_seen_starting(symptom: bool) -> None:
    assert played({4: {WORKERS: OTHER}}, symptom=symptom).verdict is RunVerdict.FIXED


@pytest.mark.parametrize("symptom", [True, False], ids=["symptom", "looked at"])
@pytest.mark.parametrize("falls", WINDOW[:-1])
def test_one_that_does_it_again_and_again_is(falls: int, symptom: bool) -> None:
    at: dict[int, Changes | ScriptedEvent] = {
        **{survey: {WORKERS: STARTING} for survey in (falls, falls + 2)},
        **{survey: {WORKERS: OTHER} for survey in (falls + 1, falls + 3)},
    }
    outcome = played(at, symptom=symptom)
    assert (outcome.verdict, outcome.error and outcome.error.code) == (RunVerdict.NOT_FIXED, "not-holding")
    assert outcome.error is not None
    assert "agency-worker is 1/2 running, STARTING" in outcome.error.message


@pytest.mark.parametrize("state", ["BACKOFF", "EXITED", "FATAL", "STOPPED"])
def test_one_that_does_not_come_back_is(state: str) -> None:
    outcome = played({4: {WORKERS: ex.workers("RUNNING", state)}}, symptom=True)
    assert (outcome.verdict, outcome.error and outcome.error.code) == (RunVerdict.NOT_FIXED, "not-holding")


def test_one_that_never_ends_starting_is_unknown() -> None:
    assert played({4: {WORKERS: STARTING}}, symptom=True).verdict is RunVerdict.UNKNOWN
