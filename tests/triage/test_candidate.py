"""The order of incidents: what is left to another comes after it, and a cause before a mere symptom."""

from itertools import permutations

import pytest

from remediate.core.playbook import Severity
from remediate.engine.judge import RULES
from remediate.triage.candidate import Candidate, ranked
from support.incidents import HEALTHY, broken
from support.triages import CLOSED, first, triaged

SYMPTOM = Candidate(
    playbook="app-down",
    severity=Severity.SEV1,
    matches=True,
    causes=(),
    mends=False,
    evidence=("https://example.com/ 500 (from the host)",),
    against=(),
    unknown=(),
)
NOTHING = SYMPTOM.model_copy(update={"matches": False, "evidence": ()})


def symptom(name: str) -> Candidate:
    return SYMPTOM.model_copy(update={"playbook": name})


def refuses(name: str, *codes: str, severity: Severity = Severity.SEV1) -> Candidate:
    said = {"causes": tuple(f"toy: why [{code}]" for code in codes), "codes": codes, "severity": severity}
    return symptom(name).model_copy(update=said)


def mends(name: str, *codes: str, severity: Severity = Severity.SEV1) -> Candidate:
    fixed = refuses(name, *codes, severity=severity)
    return fixed.model_copy(update={"causes": ("toy.restart: failed", *fixed.causes), "mends": True})


ORDERS = {
    "fixable before a cause, before a mere symptom": (
        mends("payments-failing"), refuses("database-down", "database-unknown"), symptom("app-down"),
    ),
    "what it leaves to another comes first, though it would fix something itself": (
        refuses("database-down", "database-unknown"), mends("payments-failing", "database-down"),
    ),
    "what explains the others comes first, though it only waits": (
        refuses("database-down", "unstable"),
        mends("high-load", severity=Severity.SEV2),
        refuses("app-down", "database-down"),
    ),
    "what explains the others comes first, though its cause could not be read": (
        symptom("database-down").model_copy(update={"unknown": ("database sessions: too many connections",)}),
        mends("high-load", severity=Severity.SEV2),
        refuses("app-down", "database-down"),
    ),
    "what is named and knows no cause explains nothing": (
        mends("high-load", severity=Severity.SEV2),
        symptom("database-down"),
        refuses("payments-failing", "database-down"),
    ),
    "a mere symptom that another one names comes before other mere symptoms": (
        symptom("database-down"), symptom("app-down"), refuses("payments-failing", "database-down"),
    ),
    "a code that is not the other's name": (symptom("app-down"), mends("certificate-expiry", "nginx-down")),
    "to what is fixable much is left": (
        mends("high-load", severity=Severity.SEV2),
        mends("database-down", "high-load"),
        refuses("app-down", "high-load"),
    ),
    "nobody is there to whom it is left": (symptom("database-down"), refuses("app-down", "cache-down")),
    "a wait beside it has no code": (
        refuses("app-down", "cache-down").model_copy(update={"causes": ("toy: cache", "toy: activating")}),
        symptom("app"),
    ),
    "each leaves something to the other": (
        mends("database-down", "cache-down"), mends("cache-down", "database-down", severity=Severity.SEV2),
    ),
    "its own name leaves nothing to others": (
        refuses("cache-down", "cache-down"), symptom("app-down"), refuses("payments-failing", "cache-down"),
    ),
    "the worse severity among equals": (
        refuses("payments-failing", "endpoint-broken"),
        refuses("cache-down", "wrong-role", severity=Severity.SEV2),
    ),
    "what does not match is last": (symptom("payments-failing"), NOTHING),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_is_the_same_however_they_come(name: str) -> None:
    right = ORDERS[name]
    assert {ranked(each) for each in permutations(right)} == {right}


def test_a_missing_sudo_rule_is_no_cause_where_nothing_could_be_read() -> None:
    """A host that works is not called down, because nobody may look."""
    report = triaged({**HEALTHY, **CLOSED})
    incident = first(report)
    assert (report.exit_code, incident.matches, incident.causes) == (3, False, ())
    assert (incident.forbidden, report.assessment.severity) == (True, None)
    assert any("sudo does not let deploy run" in each for each in incident.unknown)


def test_a_cause_that_the_login_may_not_fix_is_a_cause() -> None:
    report = triaged({**broken("nginx down"), RULES: CLOSED[RULES]})
    incident = first(report)
    assert (report.exit_code, incident.matches, incident.forbidden) == (10, True, False)
    assert incident.codes == ("sudo-rule-missing",)
