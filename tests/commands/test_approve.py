"""approve as it is typed: by whom, what is shown, and what it answers."""

import subprocess
import time
from pathlib import Path

import pytest

from remediate.approvals.approvals import Approvals
from remediate.approvals.proposal import Proposal
from remediate.commands.approve import approve
from remediate.commands.given import Begun, options_of
from remediate.commands.plan_lines import approving, plan_lines, typed_run
from remediate.commands.run import run_from_flags
from remediate.commands.terminal import Terminal
from remediate.core.options import Options
from remediate.core.outcome import Mode
from remediate.core.plan import RunPlan
from remediate.core.playbook import Severity, playbook
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from support.approving import Team, planned
from support.nginx_runs import DOWN, web
from support.printed import Printed
from support.scripted import FactSession
from support.toys import report_of


class Shop:
    """A project, and a person at its command line."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.project = Project(team.root)

    def propose(self, plan: RunPlan | None = None, *, command: str | None = None) -> Proposal:
        approvals = Approvals.of(self.project, url=None, command=command)
        return approvals.propose(plan or planned(), operator="ana@laptop", run="run-1", incident=None)

    def __call__(self, *, answer: str | None = None, key: str | Path = "bob", **flags: object) -> tuple[int, str, str]:
        """Type `approve`; with an answer, at a terminal. Returns the exit code and both outputs."""
        printed = Printed()
        terminal = printed.terminal
        if answer is not None:
            Person.answer = answer
            terminal = Person(terminal.out, terminal.err, interactive=True)
        path = key if isinstance(key, Path) else self.team.key(key)
        code = approve({"key": str(path), **flags}, self.project, terminal, program="remediate")
        return code, printed.out.getvalue(), printed.err.getvalue()


class Person(Terminal):
    """A terminal with a person, who gives one answer."""

    __slots__ = ()
    answer = ""

    def ask(self, question: str) -> str:
        assert question == "Approve exactly this? [y/N]"
        return Person.answer


@pytest.fixture
def shop(tmp_path: Path, state: Path) -> Shop:
    return Shop(Team(tmp_path / "shop", "ana", "bob", "cleo"))


def test_a_person_reads_the_plan_and_approves_it(shop: Shop) -> None:
    made = shop.propose(command="fix.app-down --host prod")
    code, out, err = shop(hash=made.shown, answer="y")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == [f"plan {made.hash}", "do.nginx.restart on web1"]
    assert lines[2].startswith("asked by ana@laptop (not authenticated) at ")
    assert lines[3] == "as fix.app-down --host prod"
    assert lines[4:6] == [
        "    web1: failed: nginx.restart on nginx",
        "        sudo -n systemctl restart nginx.service",
    ]
    assert lines[6].startswith(f"plan {made.shown} is approved by bob (ED25519 key SHA256:")
    assert lines[7] == f"run it with: remediate fix.app-down --host prod --approved {made.shown}"
    again, _, told = shop(hash=made.shown, yes=True)
    assert (again, f"plan {made.shown} was approved already, by bob" in told) == (3, True)


@pytest.mark.parametrize("answer", ["", "n", "no"])
def test_who_does_not_agree_has_not_approved(shop: Shop, answer: str) -> None:
    made = shop.propose()
    code, _, err = shop(hash=made.shown, answer=answer)
    assert (code, err) == (3, f"remediate: plan {made.shown} was not approved\n")


def test_without_a_terminal_it_takes_yes(shop: Shop) -> None:
    made = shop.propose()
    code, _, err = shop(hash=made.shown)
    assert (code, "add --yes, or use a terminal" in err) == (3, True)
    assert shop(hash=made.shown, yes=True)[0] == 0


def test_a_stranger_s_key_approves_nothing(shop: Shop) -> None:
    made = shop.propose()
    code, out, err = shop(hash=made.shown, yes=True, key="eve")
    assert (code, "is approved" in out) == (3, False)
    assert "made this signature" in err


def test_two_persons_where_a_second_one_is_demanded(shop: Shop) -> None:
    shop.team.settings("second_person = true")
    made = shop.propose()
    code, out, _ = shop(hash=made.shown, yes=True, key="bob")
    assert (code, f"has approved; plan {made.shown} needs a second person: only bob" in out) == (0, True)
    code, out, _ = shop(hash=made.shown, yes=True, key="cleo")
    assert (code, " is approved by bob (" in out, " and cleo (" in out) == (0, True, True)


def test_the_waiting_ones_are_listed(shop: Shop) -> None:
    code, out, _ = shop(hash="list")
    assert (code, out) == (0, "no plan waits for approval (remediate check.… prints the hash of one)\n")
    made = shop.propose()
    assert shop(hash="list")[1].startswith(f"{made.shown}  proposed   until ")
    assert shop(hash="list")[1].endswith("do.nginx.restart on web1   ana@laptop\n")


def test_a_withdrawn_one_is_not_listed_and_not_approved(shop: Shop) -> None:
    made = shop.propose()
    assert shop(hash=made.shown, withdraw=True)[:2] == (0, f"plan {made.shown} is withdrawn: it cannot be run\n")
    assert "no plan waits" in shop(hash="list")[1]
    code, _, err = shop(hash=made.shown, yes=True)
    assert (code, f"plan {made.shown} was withdrawn at " in err) == (3, True)


def test_what_a_host_says_controls_no_terminal(shop: Shop) -> None:
    (host,) = planned().hosts
    evil = host.steps[0].model_copy(update={"why": "\x1b]52;c;AAAA\x07\nplan approved", "title": "a\rb\u202ec  d"})
    made = shop.propose(planned()._replace(hosts=(host._replace(steps=(evil,)),)))
    _, out, _ = shop(hash=made.shown, yes=True)
    assert "\x1b" not in out
    assert "\r" not in out
    assert "    web1: \\nplan approved: nginx.restart on ab\\u202ec  d\n" in out


def test_a_secret_of_the_plan_is_nowhere(shop: Shop, tmp_path: Path) -> None:
    made = shop.propose(
        planned(secret="hunter2secret", step="hunter2secret"), command="do.env.set --value hunter2secret"
    )
    _, out, err = shop(hash=made.shown, yes=True)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert b"hunter2secret" not in stored
    assert "hunter2secret" not in out + err


def test_the_agent_signs_for_a_key_whose_public_part_is_named(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket, private = tmp_path / "agent", shop.team.key("bob")
    with subprocess.Popen(("ssh-agent", "-D", "-a", str(socket)), stdout=subprocess.DEVNULL) as agent:
        try:
            monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
            deadline = time.monotonic() + 30
            while subprocess.run(("ssh-add", "-q", str(private)), check=False, capture_output=True).returncode:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            private.unlink()
            made = shop.propose()
            code, out, _ = shop(hash=made.shown, yes=True, key=private.with_suffix(".pub"))
            assert (code, "is approved by bob" in out) == (0, True)
        finally:
            agent.terminate()


# -- what a plan run says ----------------------------------------------------------------------------------------------


def test_a_plan_is_told_with_the_command_that_approves_it(shop: Shop) -> None:
    made = shop.propose()
    report = report_of(mode=Mode.PLAN).model_copy(update={"plan_hash": made.hash})
    approvals = Approvals.of(shop.project, url=None, command="fix.app-down --host prod")
    assert plan_lines(report, lambda: approvals, "remediate") == (
        f"plan {made.shown}, for 15 minutes: remediate approve {made.shown}",
        f"then: remediate fix.app-down --host prod --approved {made.shown}",
    )
    unknown = report.model_copy(update={"plan_hash": "3f2a" * 16})  # The journal does not answer any more.
    assert plan_lines(unknown, lambda: approvals, "remediate") == ("plan 3f2a3f2a3f2a",)
    (shop.team.root / "allowed_signers").unlink()
    assert plan_lines(report, lambda: approvals, "remediate") == (f"plan {made.shown}",)
    assert plan_lines(report_of(mode=Mode.PLAN), lambda: approvals, "remediate") == ()
    assert plan_lines(report.model_copy(update={"mode": Mode.FIX}), lambda: approvals, "remediate") == ()


def test_a_plan_that_is_approved_already_is_not_told_as_if_it_waited(shop: Shop) -> None:
    shop.team.settings("second_person = true")
    made = shop.propose()
    report = report_of(mode=Mode.PLAN).model_copy(update={"plan_hash": made.hash})
    approvals = Approvals.of(shop.project, url=None, command="fix.app-down --host prod")
    until = f"until {made.expires:%H:%M:%SZ}"
    shop(hash=made.shown, yes=True, key="bob")
    assert plan_lines(report, lambda: approvals, "remediate") == (
        f"plan {made.shown}, {until}, is approved by bob and needs a second person: remediate approve {made.shown}",
        f"then: remediate fix.app-down --host prod --approved {made.shown}",
    )
    shop(hash=made.shown, yes=True, key="cleo")
    assert plan_lines(report, lambda: approvals, "remediate") == (
        f"plan {made.shown} is approved by bob and cleo, once, {until}",
        f"run it with: remediate fix.app-down --host prod --approved {made.shown}",
    )


def test_only_a_plan_that_waits_is_to_be_approved(shop: Shop) -> None:
    made = shop.propose()
    approvals = Approvals.of(shop.project, url=None)
    assert approving(approvals, made.hash, "remediate") == f"remediate approve {made.shown}"
    assert approving(approvals, "f" * 12, "remediate") is None
    assert approving(approvals, None, "remediate") is None
    shop(hash=made.shown, yes=True)
    assert approving(approvals, made.hash, "remediate") is None
    (shop.team.root / "allowed_signers").unlink()  # Nobody could approve it.
    assert approving(approvals, shop.propose(planned("web2")).hash, "remediate") is None


def test_a_run_of_a_plan_that_waits_ends_with_the_command_that_approves_it(shop: Shop) -> None:
    def typed(**flags: object) -> str:
        options = Options.model_validate({"hold": 0, "yes": True, **flags})
        begun = Begun((web("web1"),), options, lambda _: FactSession(DOWN))
        printed = Printed()
        run_from_flags(
            SingleRemedy(RestartNginx), begun, {"host": "web1"}, shop.project, printed.terminal, program="remediate"
        )
        return printed.out.getvalue()

    planned_by = typed(plan=True, yes=False)
    shown = planned_by.partition("remediate approve ")[2][:12]
    assert f"next: remediate approve {shown}\n" in typed(approved=shown)
    shop(hash=shown, withdraw=True)
    assert "next: make a new plan and have it approved:\n" in typed(approved=shown)


def test_the_command_has_what_the_plan_depends_on() -> None:
    @playbook(severity=Severity.SEV3, symptoms=lambda _: ())
    def shop_slow(_: object, *, deep: bool = False, only: str = "") -> list[RestartNginx]:
        return []

    flags = {"host": "web1,web2", "inventory": "my inventory.yml", "serial": "50%", "yes": True, "hold": "5"}
    overrides = {"override": ["cool-down=a reason"], "incident": "7f3a"}
    assert typed_run(shop_slow.given({"deep": True, "only": "a b"}), {**flags, **overrides}) == (
        "fix.shop-slow --deep --only 'a b' --host web1,web2 --inventory 'my inventory.yml' --serial 50% "
        "--incident 7f3a --override 'cool-down=a reason'"
    )
    assert typed_run(SingleRemedy(RestartNginx, (("unit", "nginx2"),)), {"host": "web1"}) == (
        "do.nginx.restart --unit nginx2 --host web1"
    )
    assert typed_run(shop_slow, {"host": "web1"}) == "fix.shop-slow --host web1"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"approved": "3f2a"}, "--approved takes 12 to 64 hexadecimal digits, as --plan prints them"),
        ({"approved": "$(id)" * 5}, "--approved takes 12 to 64 hexadecimal digits, as --plan prints them"),
        (
            {"approved": "3f2a" * 3, "plan": True},
            "--approved runs a plan, so it does not go together with a new one",
        ),
        ({"timeout": "20", "hold": "30"}, "--timeout of 20 s leaves no room to hold for 30 s"),
    ],
)
def test_wrong_flags_are_one_line(flags: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options_of(flags)
    assert str(caught.value) == said


def test_a_hash_is_taken_as_it_is_copied() -> None:
    assert options_of({"approved": " 3F2A91C04B7E\n"}).approved == "3f2a91c04b7e"
