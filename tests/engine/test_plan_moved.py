"""A plan that was approved does not run once something that it is bound to has moved."""

from pathlib import Path

import pytest

from remediate.approvals.plan_key import FILE_NAME
from remediate.approvals.proposal import ProposalState
from remediate.core.host import Host
from remediate.core.playbook import HostPlan
from remediate.core.probe import Fact, Probe
from remediate.engine.judge import CLOCK
from remediate.probes.machine import MachineIdentity
from remediate.testing import ScriptedEvent
from support import examples as ex
from support.approving import Team
from support.engine_scenes import CONFIG, FPM, young
from support.nginx_runs import AGAIN, DOWN, NGINX, WELL, down, web
from support.scripted import Changes, FactSession
from support.toys import RestartFpm

pytestmark = pytest.mark.usefixtures("impatient", "state")

MATTERS: dict[str, tuple[Changes, str]] = {
    "another incarnation": (
        {NGINX: ex.FAILED.model_copy(update={"invocation": "f" * 32})},
        "web1: nginx (systemd.unit)",
    ),
    "another machine": (
        {CLOCK: MachineIdentity(machine_id="f" * 32, boot_id="b", uptime=1.0)},
        "web1: the machine",
    ),
    "another boot": (
        {CLOCK: MachineIdentity(machine_id="m", boot_id="c", uptime=1.0)},
        "web1: the boot of the machine",
    ),
}


@pytest.mark.parametrize(("facts", "named"), MATTERS.values(), ids=MATTERS)
def test_facts_that_moved_are_named_and_nothing_runs(team: Team, facts: Changes, named: str) -> None:
    whole = team.approved_plan(sessions=down(facts={CLOCK: young(0)}))
    told = team.run(down(facts=facts), approved=whole)
    assert (told.report.exit_code, told.end, told.acted) == (3, ("refused", "plan-moved"), [])
    message = told.report.hosts[0].error
    assert message is not None
    assert message.message.startswith(f"it is not plan {whole[:12]} any more. Different are: ")
    assert named in message.message
    assert "next: make a new plan and have it approved: remediate do.nginx.restart --host web1 --plan" in told.said
    assert team.approvals().find(whole).state(team.clock()) is ProposalState.APPROVED  # It is not used up.


def test_another_host_that_needs_a_change_is_another_plan(team: Team) -> None:
    whole = team.approved_plan(sessions={"web1": FactSession(DOWN), "web2": FactSession(WELL)})
    told = team.run({"web1": FactSession(DOWN, AGAIN), "web2": FactSession(DOWN, AGAIN)}, approved=whole)
    assert (told.end, told.acted) == (("refused", "plan-moved"), [])
    assert "Different are: web2 (new in the plan)" in told.said


@pytest.mark.parametrize(
    "changed",
    [
        {"serial": "2"},
        {"max_fail": "1"},
        {"overrides": {"start-limit-hit": "why"}},
        {"hosts": (web("web1"), web("web2"))},
    ],
)
def test_options_that_decide_what_runs_belong_to_the_plan(team: Team, changed: dict[str, object]) -> None:
    whole = team.plan()
    hosts = changed.pop("hosts", ())
    sessions = {host.name: FactSession(DOWN) for host in hosts or (web(),)}  # type: ignore[attr-defined]
    assert team.plan(sessions, hosts=hosts, **changed) != whole


def test_another_project_digest_refuses(team: Team) -> None:
    whole = team.approved_plan()
    (team.root / "playbooks").mkdir()
    (team.root / "playbooks/more.py").write_text("# more\n")
    told = team.run(down(), approved=whole)
    assert (told.end, told.acted) == (("refused", "plan-moved"), [])
    assert "the project (its settings, playbooks and inventories)" in told.said


def test_another_key_refuses_and_says_so(team: Team, state: Path) -> None:
    whole = team.approved_plan()
    (state / FILE_NAME).unlink()
    told = team.run(down(), approved=whole)
    assert (told.end, told.acted) == (("refused", "plan-moved"), [])
    assert "the key of plan hashes" in told.said


class TwoUnits:
    """A playbook of two remedies, the second of which may become needed by the first."""

    name = "toy"
    severity = None
    discovers = False

    def __call__(self, host: Host) -> HostPlan:
        return HostPlan(symptoms=(), diagnosis=(), remedies=(RestartFpm(settle=0), RestartFpm(php="php8.3", settle=0)))


OTHER: tuple[Probe[Fact], ...] = tuple(RestartFpm(php="php8.3").probes())
ONE: Changes = {FPM: ex.FAILED, CONFIG: ex.SOUND, OTHER[0]: ex.RUNNING, OTHER[1]: ex.SOUND}
FPM_AGAIN: Changes = {FPM: ex.started_again(ex.FAILED)}


def test_a_step_that_becomes_needed_later_was_not_approved(team: Team) -> None:
    whole = team.approved_plan(sessions={"web1": FactSession(ONE)}, runnable=TwoUnits())
    session = FactSession(ONE, {**FPM_AGAIN, OTHER[0]: ex.FAILED}, {OTHER[0]: ex.started_again(ex.FAILED)})
    told = team.run({"web1": session}, runnable=TwoUnits(), approved=whole)
    first, second = told.report.hosts[0].steps
    assert (first.changed, second.changed, second.code) == (True, False, "plan-moved")
    assert "step 2, toy.fpm on php8.3-fpm is not as it was approved" in second.why
    assert told.report.hosts[0].verdict.value == "not_fixed"
    assert [run.argv[-1] for run in session.ran] == ["php8.2-fpm.service"]


def test_what_the_plan_s_own_first_step_moves_is_no_movement(team: Team) -> None:
    both: Changes = {**ONE, OTHER[0]: ex.FAILED}
    whole = team.approved_plan(sessions={"web1": FactSession(both)}, runnable=TwoUnits())
    moved = ex.FAILED.model_copy(update={"invocation": "e" * 32})
    session = FactSession(both, {**FPM_AGAIN, OTHER[0]: moved}, {OTHER[0]: ex.started_again(moved)})
    told = team.run({"web1": session}, runnable=TwoUnits(), approved=whole)
    assert told.end == ("fixed", "")
    assert len(session.ran) == 2


def test_what_moves_just_before_the_step_is_not_what_was_approved(team: Team) -> None:
    """The fence stops the step; the second look would act on other facts, which nobody approved."""
    whole = team.approved_plan(sessions={"web1": FactSession(ONE)}, runnable=TwoUnits())
    moved = ex.FAILED.model_copy(update={"invocation": "d" * 32})
    session = FactSession(ONE, ScriptedEvent.MOVED, FPM_AGAIN, at={2: {FPM: moved}})
    told = team.run({"web1": session}, runnable=TwoUnits(), approved=whole)
    assert (told.report.exit_code, told.end, session.ran) == (3, ("refused", "plan-moved"), [])
    assert "php8.2-fpm (systemd.unit) is not as it was approved" in told.said
