"""Plans, their approval, and the runs that need one, on scripted hosts."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from remediate.approvals.proposal import ProposalState
from remediate.core.host import Host
from remediate.engine.judge import CLOCK
from remediate.engine.limits import Limit
from remediate.errors import ConfigurationError, JournalError, Unreadable
from remediate.journal.journal import Journal
from remediate.probes.nginx import NginxConfig
from support import examples as ex
from support.approving import Team
from support.engine_scenes import young
from support.nginx_runs import AGAIN, DOWN, WELL, down, web
from support.outcomes import problem
from support.scripted import FactSession

pytestmark = pytest.mark.usefixtures("impatient", "state")


# -- the hash ----------------------------------------------------------------------------------------------------------


def test_the_same_state_gives_the_same_hash(team: Team) -> None:
    assert team.plan(down()) == team.plan(down())


def test_what_ticks_does_not_move_it(team: Team) -> None:
    hashes = {team.plan(down(facts={CLOCK: young(seconds)})) for seconds in (0.0, 60.0, 3600.0)}
    assert len(hashes) == 1


def test_a_healthy_host_has_no_plan(team: Team) -> None:
    told = team.run({"web1": FactSession(WELL)}, plan=True)
    assert (told.end, told.report.plan_hash) == (("healthy", ""), None)
    assert team.approvals().waiting() == ()


def test_a_plan_of_two_hosts_is_not_one_of_one(team: Team) -> None:
    both = {"web1": FactSession(DOWN), "web2": FactSession(DOWN)}
    assert team.plan(both) != team.plan(down())
    (two, _) = sorted(team.approvals().waiting(), key=lambda each: -len(each.hosts))
    assert two.hosts == ("web1", "web2")
    assert [step.host for step in two.steps] == ["web1", "web2"]
    assert two.steps[0].commands[-1].endswith("restart nginx.service")


def test_a_host_whose_machine_is_unknown_has_no_plan_to_approve(team: Team) -> None:
    told = team.run(down(facts={CLOCK: Unreadable("machine: /etc/machine-id is missing")}), plan=True)
    assert (told.end, told.report.plan_hash) == (("pending", ""), None)
    assert "this plan cannot be approved: machine: /etc/machine-id is missing" in told.said


def test_without_a_journal_a_plan_is_told_and_cannot_be_approved(team: Team, state: Path) -> None:
    state.write_text("a file")
    told = team.run(down(), plan=True)
    assert (told.end, told.report.plan_hash) == (("pending", ""), None)
    assert "this plan cannot be approved" in told.said


# -- what was approved runs --------------------------------------------------------------------------------------------


def test_an_approved_plan_runs_once_without_a_question(team: Team) -> None:
    whole = team.approved_plan()
    told = team.run(down(), approved=whole[:12])
    assert (told.end, told.acted) == (("fixed", ""), ["web1"])
    assert (told.report.plan_hash, told.report.approved_by) == (whole, ("bob",))
    assert f"plan {whole[:12]}, approved by bob (ED25519 key SHA256:" in told.said
    spent = team.approvals().find(whole)
    assert (spent.ended, spent.ended_by) == (ProposalState.SPENT, told.report.run)
    again = team.run(down(), approved=whole)
    assert (again.report.exit_code, again.end, again.acted) == (3, ("refused", "not-approved"), [])
    assert "was run already" in again.said
    assert "next: make a new plan" in again.said


def test_five_runs_at_once_act_once(team: Team) -> None:
    whole = team.approved_plan()
    together = Barrier(5)

    def go(_: int) -> tuple[str, str]:
        sessions = down()
        together.wait(30)
        return team.run(sessions, approved=whole).end

    with ThreadPoolExecutor(5) as pool:
        ends = sorted(pool.map(go, range(5)))
    assert ends == [("fixed", ""), *[("refused", "not-approved")] * 4]


def test_what_nobody_approved_does_not_run(team: Team) -> None:
    whole = team.plan()
    told = team.run(down(), approved=whole)
    assert (told.report.exit_code, told.end, told.acted) == (3, ("refused", "not-approved"), [])
    assert f"nobody has approved plan {whole[:12]} yet" in told.said
    assert f"next: remediate approve {whole[:12]} " in told.said
    assert "make a new plan" not in told.said


def test_of_several_hosts_the_plan_is_approved_as_well(team: Team) -> None:
    def two() -> dict[str, FactSession]:
        return {name: FactSession(DOWN) for name in ("web1", "web2")}

    whole = team.plan(two())
    assert f"next: remediate approve {whole[:12]} " in team.run(two(), approved=whole[:12]).said


def test_an_approval_that_has_expired_does_not_run(team: Team) -> None:
    whole = team.approved_plan()
    team.clock.wait(minutes=16)
    told = team.run(down(), approved=whole)
    assert (told.end, told.acted) == (("refused", "not-approved"), [])
    assert "has expired" in told.said
    assert "next: make a new plan and have it approved: remediate do.nginx.restart --host web1 --plan" in told.said


def test_a_hash_that_is_no_plan_is_wrong_usage_before_any_host_is_asked(team: Team) -> None:
    sessions = down()
    with pytest.raises(ConfigurationError, match="no plan ffffffffffff is known here"):
        team.run(sessions, approved="f" * 64)
    assert sessions["web1"].execs == 0


def test_who_lost_the_right_meanwhile_has_approved_nothing(team: Team) -> None:
    whole = team.approved_plan("bob")
    team.allow("ana")
    told = team.run(down(), approved=whole)
    assert (told.end, told.acted) == (("refused", "not-approved"), [])
    assert "too few of the approvals" in told.said
    team.allow("ana", "bob")
    assert team.run(down(), approved=whole).end == ("fixed", "")


def test_a_stored_approval_without_a_proof_counts_for_nothing(team: Team) -> None:
    """A writer of the journal without a key can approve nothing."""
    from remediate.journal.schema import proposal_approvals as approvals

    whole = team.approved_plan("bob")
    other = team.approvals().find(team.plan({"web2": FactSession(DOWN)}))
    with closing(Journal.open()) as journal, journal.database.writing() as connection:
        connection.execute(approvals.update().values(proposal=other.id))
    told = team.run({"web2": FactSession(DOWN, AGAIN)}, approved=other.hash)
    assert (told.end, told.acted) == (("refused", "not-approved"), [])
    assert team.run(down(), approved=whole).end == ("refused", "not-approved")


def test_the_guards_are_asked_again(team: Team) -> None:
    whole = team.approved_plan()
    told = team.run(down(facts={NginxConfig(): ex.BROKEN_CONFIG}), approved=whole)
    assert (told.end, told.acted) == (("refused", "config-broken"), [])
    assert team.approvals().find(whole).state(team.clock()) is ProposalState.APPROVED


def test_a_host_that_is_well_again_is_left_alone(team: Team) -> None:
    whole = team.approved_plan()
    told = team.run({"web1": FactSession(WELL)}, approved=whole)
    assert (told.report.exit_code, told.end, told.acted) == (0, ("healthy", ""), [])


# -- where the project demands a plan ----------------------------------------------------------------------------------


def test_where_a_plan_is_demanded_consent_alone_changes_nothing(team: Team) -> None:
    team.settings('required = "production"')
    told = team.run(down(), yes=True)
    assert (told.report.exit_code, told.end, told.acted) == (3, ("refused", "approval-missing"), [])
    assert "next: have a plan approved, then run it with --approved HASH: remediate do.nginx.restart" in told.said
    assert team.run(down(), approved=team.approved_plan()).end == ("fixed", "")


def test_several_hosts_are_told_once_what_is_missing(team: Team) -> None:
    team.settings('required = "production"')
    told = team.run({"web1": FactSession(DOWN), "web2": FactSession(DOWN)}, yes=True, max_hosts=2)
    assert [host.error.code for host in told.report.hosts if host.error] == ["approval-missing"] * 2
    assert told.said.count("2 hosts were not begun: approval-missing: web1, web2: the project lets only") == 1
    assert "--approved HASH: remediate do.nginx.restart --host web1,web2 --plan" in told.said


def test_a_host_that_is_not_production_needs_none_unless_all_do(team: Team) -> None:
    test = web()
    test = test.model_copy(update={"settings": test.settings.model_copy(update={"production": False})})
    team.settings('required = "production"')
    assert team.run(down(), hosts=(test,)).end == ("fixed", "")
    team.settings('required = "all"')
    assert team.run(down(), hosts=(test,)).end == ("refused", "approval-missing")
    assert team.run(down(), hosts=(web(disposable=True),)).end == ("fixed", "")


def test_a_flag_is_no_break_glass(team: Team) -> None:
    team.settings('required = "production"')
    told = team.run(down(), yes=True, overrides={"approval-missing": "I say so"})
    assert (told.end, told.acted) == (("refused", "approval-missing"), [])


def test_a_person_at_a_terminal_breaks_the_glass_loudly(team: Team) -> None:
    team.settings('required = "production"')
    asked: list[Limit] = []

    def decide(_: Host, limit: Limit) -> str:
        asked.append(limit)
        return "nobody answers at 3 a.m."

    told = team.run(down(), yes=True, decide=decide)
    assert told.end == ("fixed", "")
    assert [limit.code.name for limit in asked] == ["approval-missing"]
    assert "BREAK-GLASS: web1 is changed without an approved plan: nobody answers at 3 a.m." in told.said
    assert "BREAK-GLASS, approval-missing overridden: nobody answers" in told.report.hosts[0].steps[0].why
    assert (told.report.plan_hash, told.report.approved_by) == (None, ())


class Watched(FactSession):
    """A host that looks at the reason in the journal when something acts."""

    reasons: tuple[str | None, ...] = ()

    def begin(self, probes: Any, act: Any = None, **named: Any) -> Any:
        if act is not None:
            with Journal.open() as journal:
                self.reasons += tuple(journal.find(run.id).reason for run in journal.runs())
        return super().begin(probes, act, **named)


def test_the_reason_to_break_the_glass_is_in_the_journal_before_anything_acts(team: Team) -> None:
    team.settings('required = "production"')
    watched = Watched(DOWN, AGAIN)
    told = team.run({"web1": watched}, yes=True, reason="a ticket", decide=lambda *_: "nobody answers")
    said = "a ticket; BREAK-GLASS on web1, approval-missing overridden: nobody answers"
    assert (told.end, set(watched.reasons)) == (("fixed", ""), {said})


def test_without_a_record_of_its_reason_no_glass_is_broken(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise JournalError("the disk is full")

    team.settings('required = "production"')
    monkeypatch.setattr(Journal, "justify", full)
    told = team.run(down(), yes=True, decide=lambda *_: "nobody answers")
    assert (told.end, told.acted) == (("refused", "journal-unwritable"), [])


def test_breaking_the_glass_keeps_the_guards_and_the_consent(team: Team) -> None:
    team.settings('required = "production"')
    assert team.run(down(), decide=lambda *_: "why").end == ("refused", "consent-missing")
    broken = down(facts={NginxConfig(): ex.BROKEN_CONFIG})
    assert team.run(broken, yes=True, decide=lambda *_: "why").end == ("refused", "config-broken")


def test_wrong_rules_stop_a_run_before_it_changes_anything(team: Team) -> None:
    team.settings('required = "sometimes"')
    told = team.run(down(), yes=True)
    assert (told.report.exit_code, told.acted) == (2, [])
    assert "tool.remediate.approvals: required: must be" in problem(told.report).message
