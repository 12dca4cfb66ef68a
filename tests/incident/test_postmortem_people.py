"""People who were notified and called in, in the post-mortem."""

from remediate.core.playbook import Severity
from remediate.incident.events import (
    Data,
    Escalated,
    Resolved,
    Updated,
)
from remediate.incident.lessons import went_well, went_wrong
from remediate.incident.queue import Delivery, State
from remediate.incident.vocabulary import IncidentStatus, Situation
from support.postmortem_texts import NOW, SETTINGS, suggested, well, wrong
from support.toy_incidents import arrived, declared, folded, minutes, sent


def test_how_often_everybody_was_told() -> None:
    both = ((25.0, sent()), (25.0, sent("status", "public")), (50.0, sent()), (70.0, Resolved()))
    assert "told in time (2 updates)" in well(*both)
    shown = Updated(status=IncidentStatus.INVESTIGATING)
    assert "No update arrived for 1 h 10 min" in wrong((25, shown), (50, shown), (70, Resolved()))
    silent: list[tuple[float, Data]] = [(25, sent()), (70, sent()), (75, Resolved())]
    assert "No update arrived for 45 min; one every 30 min is promised." in wrong(*silent)
    assert "told in time" not in well(*silent)
    assert "No update arrived" in wrong((40, Resolved()))
    assert "No update arrived" not in wrong((40, Resolved()), severity=Severity.SEV4)


def test_what_did_not_arrive_told_nobody() -> None:
    happened = ((25.0, sent()), (50.0, sent()), (70.0, Resolved()))
    incident = folded(*happened, first=declared())

    def judged(*changed: Delivery) -> tuple[str, str]:
        return (
            "\n".join(went_well(incident, changed, SETTINGS, NOW)),
            "\n".join(went_wrong(incident, changed, SETTINGS, NOW)),
        )

    first, second = arrived(incident)
    assert "Everybody was told in time (2 updates)." in judged(first, second)[0]

    failed = second._replace(state=State.FAILED, note="no such room", finished=minutes(51))
    well_said, wrong_said = judged(first, failed)
    assert "told in time" not in well_said
    assert "No update arrived for 45 min; one every 30 min is promised." in wrong_said
    assert "1 of 2 messages to chat never arrived: no such room." in wrong_said

    waiting = second._replace(state=State.QUEUED, finished=None)
    assert "1 of 2 messages to chat had not arrived when this was written." in judged(first, waiting)[1]

    late = second._replace(finished=minutes(62))
    well_said, wrong_said = judged(first, late)
    assert "told in time" not in well_said
    assert "No update arrived for 37 min" in wrong_said

    # One of two channels: some were told in time, but not everybody.
    well_said, wrong_said = judged(first, second, failed._replace(channel="page"))
    assert "told in time" not in well_said
    assert "No update arrived" not in wrong_said
    assert "1 of 1 messages to page never arrived" in wrong_said
    assert "told" not in judged()[0], "an update of which nothing is known"


def test_a_call_that_did_not_arrive_called_nobody() -> None:
    lead = Escalated(situation=Situation.UNRESOLVED, roles=("tech-lead",))
    incident = folded((30, lead), (30, sent("escalation", "person")), (45, Resolved()))
    (call,) = arrived(incident)
    for changed, words in (
        (call, ""),
        (call._replace(finished=minutes(40)), "Tech Lead was called in 10 min late"),
        (call._replace(state=State.FAILED, note="no route"), "Tech Lead was never called in"),
    ):
        said = "\n".join(went_wrong(incident, (changed,), SETTINGS, NOW))
        assert words in said
        assert ("Tech Lead" in said) is bool(words)
        assert ("escalation was in time" in "\n".join(went_well(incident, (changed,), SETTINGS, NOW))) is (not words)


def test_who_was_called_in() -> None:
    lead = Escalated(situation=Situation.UNRESOLVED, roles=("tech-lead",))
    assert "Every escalation was in time." in well((30, lead), (45, Resolved()))
    assert "Tech Lead was called in 14 min late" in wrong((44, lead), (45, Resolved()))
    assert "Tech Lead was never called in" in wrong((45, Resolved()))
    assert "Name a Tech Lead in the contacts" in suggested((30, lead), (45, Resolved()))
    assert "called" not in wrong((20, Resolved()))


def test_those_who_were_called_in_one_after_the_other_were_called_in() -> None:
    lead = (30.0, Escalated(situation=Situation.UNRESOLVED, roles=("tech-lead",)))
    product, support = (Escalated(situation=Situation.CUSTOMERS, roles=(role,)) for role in ("product", "support"))
    assert "escalation was in time" in well(lead, (58, product), (60, support), (90, Resolved()))
    assert "Product, Support was called in 10 min late" in wrong(lead, (58, product), (70, support), (90, Resolved()))
    assert "Product, Support was never called in" in wrong(lead, (58, product), (90, Resolved()))
