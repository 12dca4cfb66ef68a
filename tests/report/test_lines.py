"""Sentences of the report: merged, omitted and advised."""

import shlex
from itertools import product

import pytest
from pydantic import SecretStr

from remediate.core.command import typed
from remediate.core.outcome import (
    CommandRecord,
    HostOutcome,
    Problem,
    RunVerdict,
    StepOutcome,
    Touched,
    Verified,
)
from remediate.core.playbook import Severity
from remediate.core.vantage import Vantage
from remediate.core.verdict import ENGINE_CODES, Decision
from remediate.errors import UnreachableCode, Unreadable
from remediate.probes.http import Site
from remediate.probes.laravel import Deploy
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import LogLines, Unit, UnitLog
from remediate.remedies.catalogue import remedies
from remediate.remedies.configuration import SetEnv
from remediate.remedies.single import SingleRemedy
from remediate.report.hints import CommandHints
from remediate.report.lines import HEADLINES, step_lines, survey_lines, verdict_lines
from remediate.report.wrapping import WIDTH
from support import examples as ex
from support.outcomes import outcome_of, seen

HERE = Site(url="https://example.com/", asked_from=Vantage.HOST)
THERE = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
UNIT, LOG = Unit(name="php8.2-fpm"), UnitLog(name="php8.2-fpm")
HINTS = CommandHints("invoke", "app-down", "7f3a", Severity.SEV1)


# -- what was seen -----------------------------------------------------------------------------------------------------


def test_the_same_answer_from_everywhere_is_said_once() -> None:
    assert survey_lines(seen({HERE: ex.page(), THERE: ex.page()})) == ["https://example.com/  200"]


def test_different_answers_are_said_with_where_they_come_from() -> None:
    assert survey_lines(seen({HERE: ex.page(), THERE: ex.page(502)})) == [
        "https://example.com/  200 (from the host)",
        "https://example.com/  502 (from the controller)",
    ]


def test_what_only_informs_has_no_place_but_what_is_unknown_has() -> None:
    assert survey_lines(seen({Deploy(user="forge"): ex.NO_DEPLOY, LOG: LogLines(lines=("x",))})) == []
    assert survey_lines(seen({Deploy(user="forge"): Unreadable("deploy: no ps")})) == ["deploy  unknown: deploy: no ps"]
    assert survey_lines([]) == []


def test_what_sudo_does_not_let_the_login_ask_is_named_together() -> None:
    why = "not allowed to run `sudo -n /usr/sbin/nginx -t`: sudo: a password is required"
    asked = {UNIT: Unreadable(f"php8.2-fpm: {why}"), NginxConfig(): Unreadable(f"nginx -t: {why}")}
    first, *unknown = survey_lines(seen({**asked, Unit(name="nginx"): ex.RUNNING}))
    assert first == "nginx  active"
    assert said(unknown) == f"unknown  {UNIT.label()}, nginx -t: not allowed, sudo: a password is required"


def test_a_long_answer_has_a_line_of_its_own_and_none_beside_it() -> None:
    broken = ex.BROKEN_CONFIG.model_copy(update={"message": "far too long " * 9})
    first, *others = survey_lines(seen({UNIT: ex.RUNNING, NginxConfig(): broken, Unit(name="nginx"): ex.RUNNING}))
    assert first == "php8.2-fpm  active"
    assert others[-1] == "nginx  active"
    assert all(len(line) <= WIDTH for line in others)


# -- what was done -----------------------------------------------------------------------------------------------------


def step(decision: Decision = Decision.PROCEED, why: str = "it is down", **rest: object) -> StepOutcome:
    stated = {"remedy": "php-fpm.restart", "title": "php8.2-fpm", "params": {}, "decision": decision, "why": why}
    return StepOutcome.model_validate({**stated, **rest})


CODES = {code.name: code for kind in remedies().values() for code in kind.refusals} | {
    code.name: code for code in ENGINE_CODES
}


def refused(code: str) -> HostOutcome:
    """A host that a remedy refused to fix, or the engine."""
    told = step(Decision.REFUSE, "for this reason", code=code, advice=CODES[code].advice)
    steps = () if CODES[code] in ENGINE_CODES else (told,)
    return outcome_of(RunVerdict.REFUSED, error=Problem(code=code, message="so it is"), steps=steps)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (step(Decision.SKIP), "2/5 it is down                                      skip"),
        (step(Decision.WAIT), "2/5 it is down                                      wait"),
        (step(Decision.REFUSE), "2/5 it is down                                      refuse"),
        (
            step(Decision.NOT_ATTEMPTED),
            "2/5 it is down                                      not attempted",
        ),
        (step(), "2/5 it is down: restart                             to do"),
        (
            step(changed=True, verified=Verified.PROVEN, seconds=1.25),
            "2/5 it is down: restart                             done    1.2 s",
        ),
        (
            step(changed=True, verified=Verified.FAILED),
            "2/5 it is down: restart                             not proven    0.0 s",
        ),
        (
            step(changed=True, verified=Verified.UNKNOWN),
            "2/5 it is down: restart                             unknown    0.0 s",
        ),
    ],
)
def test_what_became_of_a_step(what: StepOutcome, line: str) -> None:
    assert step_lines(2, 5, what) == [line]


def test_the_end_of_a_long_reason_carries_the_result() -> None:
    *first, last = step_lines(2, 5, step(Decision.REFUSE, "because of this and of that and " * 4))
    assert all("refuse" not in line for line in first)
    assert (last.startswith("    "), last[52:]) == (True, "refuse")


def test_commands_stand_there_before_they_run_and_evidence_when_they_did_not_help() -> None:
    commands = (CommandRecord(argv=("/usr/bin/systemctl", "restart", "php8.2-fpm.service"), user="root"),)
    assert step_lines(1, 1, step(commands=commands))[1:] == [
        "    sudo -n /usr/bin/systemctl restart php8.2-fpm.service"
    ]
    assert step_lines(1, 1, step(commands=commands, changed=True, verified=Verified.PROVEN, evidence="up"))[1:] == []
    assert step_lines(1, 1, step(commands=commands, changed=True, verified=Verified.FAILED, evidence="down"))[1:] == [
        "    down"
    ]


@pytest.mark.parametrize(
    ("user", "expected"), [(None, ""), ("root", "sudo -n "), ("forge", "sudo -n -u forge ")], ids=str
)
def test_a_command_can_be_typed_as_it_stands(user: str | None, expected: str) -> None:
    argv = ("/usr/bin/php8.2", "/srv/my app/artisan", "it's", "agency-worker:*")
    text = typed(argv, user)
    assert text.startswith(expected)
    assert tuple(shlex.split(text.removeprefix(expected))) == argv


# -- how it came out ---------------------------------------------------------------------------------------------------


def said(lines: list[str]) -> str:
    """Return wrapped lines in one."""
    return " ".join(line.strip() for line in lines)


@pytest.mark.parametrize(("verdict", "state"), list(product(RunVerdict, Touched)))
def test_every_end_has_its_word_and_says_whether_the_host_was_changed(verdict: RunVerdict, state: Touched) -> None:
    first, *_ = verdict_lines(outcome_of(verdict, state), HINTS)
    assert first.startswith(HEADLINES[verdict])
    if verdict not in {RunVerdict.HEALTHY, RunVerdict.FIXED, RunVerdict.PENDING}:
        words = {Touched.NO: "nothing was changed", Touched.YES: "was changed", Touched.UNKNOWN: "may or may not"}
        assert words[state] in first


def test_a_door_leads_back_in_the_readers_own_words() -> None:
    assert HINTS.again("web1", plan=False) == "invoke fix.app-down --host web1"
    assert HINTS.again("web1", plan=True) == "invoke check.app-down --host web1"
    assert HINTS.evidence == "evidence: invoke runs.show 7f3a"
    one = CommandHints("remediate", "do.nginx.restart", "7f3a", None, "my hosts/prod.yml")
    assert one.again("web1", plan=True) == (
        "remediate do.nginx.restart --host web1 --inventory 'my hosts/prod.yml' --plan"
    )
    assert one.again("web1", plan=False) == "remediate do.nginx.restart --host web1 --inventory 'my hosts/prod.yml'"


@pytest.mark.parametrize(
    ("severity", "told"),
    [(Severity.SEV1, "Tech Lead"), (Severity.SEV2, "Product and Support"), (Severity.SEV3, None), (None, None)],
)
def test_whom_to_call_follows_from_the_severity(severity: Severity | None, told: str | None) -> None:
    lines = verdict_lines(outcome_of(RunVerdict.NOT_FIXED, Touched.YES), HINTS._replace(severity=severity))
    assert ("escalate" in said(lines)) is (told is not None)
    assert told is None or told in said(lines)
    assert not any("escalate" in line for line in verdict_lines(outcome_of(RunVerdict.FIXED, Touched.YES), HINTS))


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("sudo-rule-missing", "next: as root on web1, run what `invoke sudoers --host web1 --script` prints"),
        ("in-transition", "next: wait until it has changed its state, then invoke check.app-down --host web1"),
        (
            "unstable",
            "next: read its log for the reason why it ends again and again, then invoke check.app-down --host web1",
        ),
        ("process-left", "next: invoke do.process.end --host web1 --even-if-pages-answer yes"),
        ("query-cause", "next: invoke do.database.end-queries --host web1 --even-if-pages-answer yes"),
        ("config-broken", "next: fix the configuration"),
        ("unexplained", "next: invoke triage --host web1"),
        ("locked", "next: wait for it with --wait SECONDS"),
    ],
)
def test_what_to_do_next(code: str, advice: str) -> None:
    lines = verdict_lines(refused(code), HINTS)
    assert f"        {code}: so it is" in lines
    assert advice in said(lines)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_refusal_says_what_to_do_next(code: str) -> None:
    lines = verdict_lines(refused(code), HINTS)
    assert any(line.strip().startswith("next: ") for line in lines)


@pytest.mark.parametrize("code", UnreachableCode)
def test_what_to_do_about_a_host_that_cannot_be_entered(code: UnreachableCode) -> None:
    why = Problem(code=code.value, message="no way in")
    told = said(verdict_lines(outcome_of(RunVerdict.UNREACHABLE, error=why), HINTS._replace(severity=None)))
    assert " next: " in told
    assert told.endswith(", then invoke check.app-down --host web1")


def test_a_code_without_advice_does_not_borrow_that_of_another_step() -> None:
    taken = step(Decision.REFUSE, "port 80 is taken", code="port-taken", advice=CODES["port-taken"].advice)
    steps = (taken, step(Decision.REFUSE, "it is locked", code="tenant-locked"))
    lines = verdict_lines(
        outcome_of(RunVerdict.REFUSED, error=Problem(code="tenant-locked", message="it is locked"), steps=steps), HINTS
    )
    assert "next: fix the cause, then invoke fix.app-down --host web1 SEV-1" in said(lines)


@pytest.mark.parametrize("code", ["process-left", "query-cause"])
def test_a_command_is_whole_also_when_another_reason_comes_first(code: str) -> None:
    """A log was shortened, say, and the disk filled again: the run is not fixed for that, and a process was left."""
    steps = (step(Decision.REFUSE, "it is left to work", code=code), step(changed=True, verified=Verified.FAILED))
    outcome = outcome_of(
        RunVerdict.NOT_FIXED, Touched.YES, steps=steps, error=Problem(code="not-holding", message="again")
    )
    (told,) = (line for line in verdict_lines(outcome, HINTS) if "invoke do." in line)
    assert told.endswith("--host web1 --even-if-pages-answer yes")


def test_a_single_remedy_is_named_with_what_it_was_told() -> None:
    given = SingleRemedy(SetEnv, (("key", "APP_NAME"), ("value", SecretStr("c4n4ry")), ("unit", "super visor")))
    hints = HINTS._replace(name=given.name, given=given.flags)
    head, line = verdict_lines(outcome_of(RunVerdict.PENDING), hints)
    assert head == "PENDING: nothing was changed"
    told = "invoke do.env.set --key APP_NAME --value-from stdin --unit 'super visor' --host web1"
    assert line.endswith(f"to do it: {told}")


def test_a_reason_that_a_step_has_given_is_not_given_twice() -> None:
    refused = step(Decision.REFUSE, "port 80 is taken", code="port-taken")
    problem = Problem(code="port-taken", message="port 80 is taken")
    lines = verdict_lines(outcome_of(RunVerdict.REFUSED, error=problem, steps=(step(Decision.SKIP), refused)), HINTS)
    assert lines[1] == "        because of 2/2: port-taken"


def test_a_result_that_is_unknown_says_how_to_look() -> None:
    lines = verdict_lines(outcome_of(RunVerdict.UNKNOWN, Touched.UNKNOWN), HINTS)
    assert "        look with: invoke check.app-down --host web1" in lines
    assert "        evidence: invoke runs.show 7f3a" in lines


def test_whoever_mends_in_an_incident_is_told_to_tell_the_others() -> None:
    hints = HINTS._replace(incident="a37f")
    assert hints.evidence == "evidence: invoke runs.show 7f3a       next: invoke incident.update --incident a37f"
    assert HINTS.evidence == "evidence: invoke runs.show 7f3a"
