"""Meaning of facts: the symptom, permissions, overrides, ages and incarnations."""

from datetime import UTC, datetime

import pytest

from remediate.core.command import ROOT, Output
from remediate.core.facts import Facts
from remediate.core.playbook import HostPlan
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.core.vantage import Vantage
from remediate.core.verdict import CONFIG_BROKEN, SUDO_RULE_MISSING, UNREADABLE, Decision
from remediate.engine.judge import (
    CLOCK,
    RULES,
    Symptom,
    complaint,
    explain,
    judge,
    restarted,
    settling,
    symptom,
    unproven,
    verification,
    youngest,
)
from remediate.errors import Unreadable
from remediate.probes.http import Site
from remediate.probes.machine import MachineIdentity
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.sudo import SudoRule, SudoRules
from remediate.probes.systemd import Unit
from support import examples as ex
from support.scripted import ROOT_RULES
from support.toys import RestartFpm

HERE = Site(url="https://example.com/", asked_from=Vantage.HOST)
THERE = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
UNIT, CONFIG = Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2")


REMEDY = RestartFpm(php="php8.2")
HOST_PLAN = HostPlan(symptoms=(HERE, THERE), diagnosis=(), remedies=(REMEDY,))
BROKEN: dict[Probe[Fact], Fact | Unreadable] = {
    HERE: ex.page(502),
    THERE: ex.page(502),
    UNIT: ex.FAILED,
    CONFIG: ex.SOUND,
    RULES: ROOT_RULES,
    CLOCK: MachineIdentity(machine_id="m", boot_id="b", uptime=10_000.0),
}
UNKNOWN = Unreadable("not now")


def facts(**changes: Fact | Unreadable) -> Facts:
    names: dict[str, Probe[Fact]] = {
        "here": HERE,
        "there": THERE,
        "unit": UNIT,
        "config": CONFIG,
        "rules": RULES,
        "clock": CLOCK,
    }
    return Facts({**BROKEN, **{names[name]: answer for name, answer in changes.items()}})


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        (ex.page(), ex.page(), Symptom.OVER),
        (ex.page(502), ex.page(), Symptom.PRESENT),
        (ex.page(), ex.page(502), Symptom.PRESENT),
        (ex.page(), UNKNOWN, Symptom.UNKNOWN),
        (UNKNOWN, ex.page(), Symptom.UNKNOWN),
        (UNKNOWN, UNKNOWN, Symptom.UNKNOWN),
        (ex.page(502), UNKNOWN, Symptom.PRESENT),
        (ex.page(200, right=False), ex.page(), Symptom.PRESENT),
    ],
)
def test_the_symptom_is_over_when_every_vantage_says_so(
    here: Fact | Unreadable, there: Fact | Unreadable, expected: Symptom
) -> None:
    assert symptom(HOST_PLAN, facts(here=here, there=there)) is expected


def test_a_symptom_that_was_not_asked_about_is_not_over() -> None:
    assert symptom(HOST_PLAN, Facts({HERE: ex.page()})) is Symptom.UNKNOWN
    assert symptom(HOST_PLAN, Facts({})) is Symptom.UNKNOWN


def test_what_is_wrong_is_said_with_where_it_was_seen() -> None:
    assert complaint(HOST_PLAN, facts(there=UNKNOWN)) == (
        "https://example.com/ 502 (from the host); https://example.com/ unknown (not now) (from the controller)"
    )
    assert complaint(HOST_PLAN, facts(here=ex.page(), there=ex.page())) == ""


def test_a_page_that_stands_for_two_things_is_asked_once() -> None:
    twice = HostPlan(symptoms=(HERE, THERE, HERE), diagnosis=(CONFIG, CONFIG), remedies=(REMEDY,))
    assert (twice.symptoms, twice.diagnosis) == ((HERE, THERE), (CONFIG,))
    assert symptom(twice, facts(here=ex.page(), there=ex.page())) is Symptom.OVER


@pytest.mark.parametrize("here", [ex.page(), ex.page(502), UNKNOWN, None])
@pytest.mark.parametrize("there", [ex.page(), ex.page(502), UNKNOWN, None])
def test_a_symptom_that_is_not_over_always_says_why(
    here: Fact | Unreadable | None, there: Fact | Unreadable | None
) -> None:
    given = Facts({probe: answer for probe, answer in ((HERE, here), (THERE, there)) if answer is not None})
    assert (complaint(HOST_PLAN, given) == "") is (symptom(HOST_PLAN, given) is Symptom.OVER)


def decision(given: Facts, **overrides: str) -> tuple[Decision, str | None]:
    (judgement,) = judge(HOST_PLAN, given, {name.replace("_", "-"): why for name, why in overrides.items()})
    return judgement.decision, judgement.verdict.code.name if judgement.verdict.code else None


def test_a_guard_decides() -> None:
    assert decision(facts()) == (Decision.PROCEED, None)
    assert decision(facts(unit=ex.RUNNING)) == (Decision.SKIP, None)
    assert decision(facts(unit=ex.STARTING)) == (Decision.WAIT, None)
    assert decision(facts(config=ex.BROKEN_CONFIG)) == (Decision.REFUSE, CONFIG_BROKEN.name)


def test_what_cannot_be_read_is_refused() -> None:
    assert decision(facts(unit=UNKNOWN)) == (Decision.REFUSE, UNREADABLE.name)
    assert decision(facts(config=UNKNOWN)) == (Decision.REFUSE, UNREADABLE.name)
    assert decision(facts(rules=UNKNOWN)) == (Decision.REFUSE, UNREADABLE.name)


NO_RULES = SudoRules(user="ops", rules=())


def test_a_missing_sudo_rule_is_named_before_anything_is_changed() -> None:
    (judgement,) = judge(HOST_PLAN, facts(rules=NO_RULES), {})
    assert judgement.verdict.code is SUDO_RULE_MISSING
    assert "sudo -n /usr/bin/systemctl restart php8.2-fpm.service" in judgement.verdict.reason


def test_a_missing_rule_explains_what_could_not_be_read() -> None:
    assert decision(facts(config=UNKNOWN, rules=NO_RULES)) == (Decision.REFUSE, SUDO_RULE_MISSING.name)


def test_a_missing_rule_does_not_matter_where_nothing_is_to_be_done() -> None:
    assert decision(facts(unit=ex.RUNNING, rules=NO_RULES)) == (Decision.SKIP, None)


def test_every_command_needs_its_rule() -> None:
    allowed = tuple(
        SudoRule(run_as=("root",), command=" ".join(run.argv), password=False) for run in REMEDY.privileges()
    )
    assert decision(facts(rules=SudoRules(user="ops", rules=allowed))) == (Decision.PROCEED, None)
    for index, run in enumerate(REMEDY.privileges()):
        rules = SudoRules(user="ops", rules=(*allowed[:index], *allowed[index + 1 :]))
        (judgement,) = judge(HOST_PLAN, facts(rules=rules), {})
        assert judgement.verdict.code is SUDO_RULE_MISSING
        assert judgement.verdict.reason.endswith(f": {run}")
        assert run.user == ROOT


def test_an_overridable_refusal_can_be_overridden_by_name() -> None:
    assert decision(facts(unit=ex.START_LIMIT)) == (Decision.REFUSE, "start-limit-hit")
    assert decision(facts(unit=ex.START_LIMIT), start_limit_hit="cause found") == (Decision.PROCEED, None)
    assert decision(facts(unit=ex.START_LIMIT), unit_masked="no") == (Decision.REFUSE, "start-limit-hit")


def test_a_broken_configuration_is_never_overridden() -> None:
    assert decision(facts(config=ex.BROKEN_CONFIG), config_broken="I know") == (Decision.REFUSE, "config-broken")


def test_a_broken_configuration_is_not_overridden_by_another_code_either() -> None:
    given = facts(unit=ex.START_LIMIT, config=ex.BROKEN_CONFIG)
    assert decision(given, start_limit_hit="cause found") == (Decision.REFUSE, "config-broken")


def test_an_override_needs_the_rules_too() -> None:
    given = facts(unit=ex.START_LIMIT, rules=NO_RULES)
    assert decision(given, start_limit_hit="cause found") == (Decision.REFUSE, "sudo-rule-missing")


# -- proof -------------------------------------------------------------------------------------------------------------


def outputs(unit: Fact) -> dict[Probe[Fact], Output]:
    return {UNIT: Output(stdout=unit.model_dump_json())}


BEFORE = Facts(BROKEN, outputs(ex.FAILED))


def after(unit: Fact | Unreadable, printed: Fact | None = None) -> Facts:
    shown = printed or (unit if isinstance(unit, Fact) else ex.FAILED)
    return Facts({**BROKEN, UNIT: unit}, outputs(shown))


def test_a_remedy_is_proven_by_another_incarnation() -> None:
    assert isinstance(verification(REMEDY, BEFORE, after(ex.started_again(ex.FAILED))), Proven)
    assert isinstance(verification(REMEDY, BEFORE, after(ex.RUNNING, printed=ex.FAILED)), NotYet)
    assert isinstance(verification(REMEDY, BEFORE, after(ex.STARTING)), NotYet)
    assert isinstance(verification(REMEDY, BEFORE, after(ex.FAILED)), NotYet)
    assert isinstance(verification(REMEDY, BEFORE, after(ex.START_LIMIT)), Failed)
    assert verification(REMEDY, BEFORE, after(UNKNOWN)) is None


def test_a_verification_is_told_in_words() -> None:
    assert explain(Proven(evidence="runs")) == "runs"
    assert explain(NotYet(reason="starting")) == "starting"
    assert explain(Failed(reason="gone")) == "gone"
    assert explain(None) == "the result cannot be read"


def test_what_was_proven_must_stay_so() -> None:
    healed = [(REMEDY, BEFORE)]
    assert unproven(healed, after(ex.started_again(ex.FAILED))) is None
    assert unproven(healed, after(ex.FAILED)) is not None
    with pytest.raises(Unreadable):
        unproven(healed, after(UNKNOWN))
    assert unproven([], after(ex.FAILED)) is None


def test_what_is_known_to_be_gone_outweighs_what_cannot_be_read() -> None:
    other = RestartFpm(php="php8.1")
    unit = Unit(name="php8.1-fpm")
    before = BEFORE.updated(Facts({unit: ex.FAILED}, {unit: Output(stdout="failed")}))
    later = after(ex.FAILED).updated(Facts({unit: UNKNOWN}))
    assert unproven([(other, before), (REMEDY, BEFORE)], later) is not None


# -- age and incarnation -----------------------------------------------------------------------------------------------


def test_the_youngest_counts() -> None:
    clock = MachineIdentity(machine_id="m", boot_id="b", uptime=2350.64891)
    old = ex.RUNNING.model_copy(update={"active_since": 10.0})
    given = Facts({CLOCK: clock, UNIT: ex.RUNNING, Unit(name="nginx"): old})
    assert youngest(given) == pytest.approx(10.0)
    assert youngest(Facts({CLOCK: clock, UNIT: old})) == pytest.approx(2340.64891)


def test_what_does_not_run_has_no_age() -> None:
    assert youngest(facts(unit=ex.FAILED)) is None


def test_without_a_clock_everything_is_new() -> None:
    assert youngest(facts(unit=ex.RUNNING, clock=UNKNOWN)) == 0.0


def test_a_clock_behind_a_start_is_no_negative_age() -> None:
    clock = MachineIdentity(machine_id="m", boot_id="b", uptime=1.0)
    assert youngest(facts(unit=ex.RUNNING, clock=clock)) == 0.0


@pytest.mark.parametrize(
    "answer", [ex.STARTING, *(ex.workers("RUNNING", each) for each in ("STARTING", "BACKOFF", "STOPPING"))]
)
def test_what_changes_its_state_by_itself_is_settling(answer: Fact) -> None:
    assert settling(facts(unit=answer)) == f"php8.2-fpm is {answer.describe()}"


@pytest.mark.parametrize("answer", [ex.RUNNING, ex.FAILED, ex.workers("RUNNING"), ex.workers("FATAL"), UNKNOWN])
def test_what_stays_as_it_is_is_settled(answer: Fact | Unreadable) -> None:
    assert settling(facts(unit=answer)) is None


def test_another_incarnation_is_named() -> None:
    running = facts(unit=ex.RUNNING)
    assert restarted(running, running) is None
    assert restarted(running, facts(unit=ex.started_again(ex.RUNNING))) == "php8.2-fpm was started again"
    assert restarted(running, facts(unit=ex.RUNNING.model_copy(update={"main_pid": 2}))) is not None
    assert restarted(running, facts(unit=ex.RUNNING.model_copy(update={"restarts": 1}))) is not None
    assert restarted(running, facts(unit=UNKNOWN)) is None
    both = Facts({UNIT: ex.RUNNING, Unit(name="nginx"): ex.RUNNING})
    changed = Facts({UNIT: ex.started_again(ex.RUNNING), Unit(name="nginx"): ex.FAILED})
    assert restarted(both, changed) == f"php8.2-fpm was started again; nginx is {ex.FAILED.describe()}"
    later = ex.RUNNING.model_copy(update={"changed_at": datetime(2027, 1, 1, tzinfo=UTC)})
    assert restarted(running, facts(unit=later)) is None
