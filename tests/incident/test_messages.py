"""Messages: the runbook's wording, custom templates, and titles that stay plain text."""

from datetime import datetime
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.incident.events import Acknowledged, Contained, Event, Identified, Resolved, Updated
from remediate.incident.messages import Message, MessageKind, Templates, harmless, render
from remediate.incident.record import Incident, fold
from remediate.incident.settings import Audience
from remediate.incident.template_context import MessageText, template_context
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id
from remediate.masking.masker import Masker
from support.toy_incidents import NOON, SETTINGS, declared, minutes, run, step

LATER = minutes(45)
HOSTILE = (
    "<script>alert(1)</script>",
    "</p><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% for x in y %} {# gone #}",
    "{{ ''.__class__.__mro__ }}",
    "%s %(title)s ${HOME} $(reboot) `id`",
    "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET} \N{ARABIC LETTER MEEM}",
    "\N{FIRE} \N{WOMAN}\N{ZERO WIDTH JOINER}\N{WOMAN}",
    "A" * 500,
    "- Status: Resolved",
    "-- 01a208ec-36ea-71b2-88a7-da555804241f",
)
"""Texts that have to come out as they went in."""


def incident(*data: object, **changes: object) -> Incident:
    one = new_run_id()
    told = [declared(**changes), *data]
    return fold(
        Event.model_validate({"id": new_run_id(), "incident": one, "at": minutes(number), "who": "ana", "data": each})
        for number, each in enumerate(told)
    )


def said(
    about: Incident,
    kind: MessageKind,
    audience: Audience,
    *,
    now: datetime = LATER,
    words: MessageText | None = None,
    templates: Templates | None = None,
    masker: Masker | None = None,
) -> Message:
    return render(
        about,
        kind,
        audience,
        template_context(about, words or MessageText(), SETTINGS, now),
        templates=templates or Templates(),
        masker=masker or Masker(),
        now=now,
    )


# -- the runbook's wording ---------------------------------------------------------------------------------------------


def test_a_declaration_is_worded_as_the_runbook_does() -> None:
    about = incident(title="Payments fail", impact="everybody who pays", commander="ana")
    assert said(about, MessageKind.DECLARATION, Audience.INTERNAL).text == (
        f"@here {about.severity.value} Incident Declared: Payments fail\n"
        "- Impact: everybody who pays\n"
        "- Status: Investigating\n"
        "- Commander: ana\n"
        "- Timeline: 13:00 CET (12:00 UTC)"
    )


def test_an_update_is_worded_as_the_runbook_does() -> None:
    update = Updated(
        status=IncidentStatus.IDENTIFIED,
        state="the pool is full",
        actions="pool doubled",
        next_steps="watch",
        eta="14:00",
    )
    about = incident(update, title="Payments fail")
    assert said(about, MessageKind.UPDATE, Audience.INTERNAL, now=minutes(31)).text == (
        f"[13:31 CET (12:31 UTC)] Incident Update: {about.severity.value} Payments fail\n"
        "- Status: Identified\n"
        "- Current state: the pool is full\n"
        "- Actions taken: pool doubled\n"
        "- Next steps: watch\n"
        "- ETA: 14:00"
    )


def test_what_nobody_said_is_not_left_empty() -> None:
    text = said(incident(), MessageKind.UPDATE, Audience.INTERNAL).text
    assert "- Current state: not known yet\n- Actions taken: none yet\n- Next steps: not known yet\n- ETA: not" in text


def test_what_was_done_comes_from_the_runs_and_containments_when_nobody_types_it() -> None:
    landed = run("fixed", step(), step("skip", changed=False, title="nginx"))
    about = incident(Contained(action="traffic turned away"), landed)
    text = said(about, MessageKind.UPDATE, Audience.INTERNAL).text
    assert "- Actions taken: traffic turned away\n  app-down on web1: php-fpm.restart, php8.3-fpm (fixed)\n-" in text


def test_the_status_page_is_worded_as_the_runbook_does() -> None:
    about = incident(title="php-fpm is down on web1", impact="Some customers may experience delays.")
    words = MessageText(title="Payment Processing Degraded")
    message = said(about, MessageKind.STATUS, Audience.PUBLIC, words=words)
    assert message.text == (
        "[Investigating] Payment Processing Degraded\n"
        "We are investigating this issue.\n"
        "Some customers may experience delays.\n"
        "We will provide an update within 30 minutes."
    )
    assert (message.name, message.status, message.began) == (
        "Payment Processing Degraded",
        IncidentStatus.INVESTIGATING,
        NOON,
    )
    given = MessageText(
        title="Payment Processing Degraded", text="We are investigating issues with payment processing."
    )
    assert said(about, MessageKind.STATUS, Audience.PUBLIC, words=given).body == (
        "We are investigating issues with payment processing.\nWe will provide an update within 30 minutes."
    )


def test_what_a_fix_may_have_ended_is_not_said_to_go_on() -> None:
    about = incident(Updated(status=IncidentStatus.MONITORING), impact="Nobody can pay")
    assert "Nobody can pay" not in said(about, MessageKind.STATUS, Audience.PUBLIC).body


@pytest.mark.parametrize(
    ("impact", "shown"), [("All users are affected", "All users are affected."), ("Is it us? Yes!", "Is it us? Yes!")]
)
def test_the_impact_is_a_sentence_among_sentences(impact: str, shown: str) -> None:
    assert shown in said(incident(impact=impact), MessageKind.STATUS, Audience.PUBLIC).body.splitlines()


@pytest.mark.parametrize("status", list(IncidentStatus))
def test_every_status_has_a_sentence_of_its_own(status: IncidentStatus) -> None:
    about = incident(Updated(status=status))
    body = said(about, MessageKind.STATUS, Audience.PUBLIC).body
    assert (
        body.splitlines()[0]
        == {
            IncidentStatus.INVESTIGATING: "We are investigating this issue.",
            IncidentStatus.IDENTIFIED: "We have found the cause of this issue and are working on it.",
            IncidentStatus.MONITORING: "A fix is in place and we are watching the result.",
            IncidentStatus.RESOLVED: "This issue has been resolved.",
        }[status]
    )
    assert ("We will provide an update" in body) == (status is not IncidentStatus.RESOLVED)


def test_a_resolution_is_worded_as_the_runbook_does() -> None:
    resolved = {"id": new_run_id(), "at": minutes(45), "who": "ana", "data": Resolved(summary="pool doubled")}
    about = incident(impact="Delayed payment confirmations")
    over = fold([*about.timeline, Event.model_validate({**resolved, "incident": about.id})])
    words = MessageText(title="Payment Processing Restored", text="All payments are now processing normally.")
    message = said(over, MessageKind.RESOLUTION, Audience.PUBLIC, words=words, now=minutes(50))
    assert message.text == (
        "[Resolved] Payment Processing Restored\n"
        "All payments are now processing normally.\n"
        "Duration: 45 minutes\n"
        "Impact: Delayed payment confirmations"
    )
    assert message.ended == minutes(45)
    assert "- Outcome: pool doubled" in said(over, MessageKind.RESOLUTION, Audience.INTERNAL).text


def test_while_nobody_has_named_the_cause_what_was_mended_is_said() -> None:
    def cause(*data: object) -> str:
        text = said(incident(*data), MessageKind.RESOLUTION, Audience.INTERNAL).text
        return next(line for line in text.splitlines() if line.startswith("- Cause:"))

    fixed = run("fixed", step())
    assert cause() == "- Cause: not known yet"
    assert cause(fixed) == "- Cause: not known yet; fixed was: php8.3-fpm.service is failed"
    assert cause(fixed, Identified(cause="out of memory")) == "- Cause: out of memory"


def test_an_escalation_says_why_and_how_it_stands() -> None:
    about = incident(Acknowledged(commander="ben"), Identified(cause="the disk is full"), title="Shop down")
    words = MessageText(to="Tech Lead (Cem)", why="SEV-1 not resolved within 30 minutes")
    text = said(about, MessageKind.ESCALATION, Audience.PERSON, words=words).text
    assert text.splitlines()[0] == f"{about.severity.value} needs you: Shop down"
    for line in (
        "- For: Tech Lead (Cem)",
        "- Why: SEV-1 not resolved within 30 minutes",
        "- Status: Identified; it began 45 minutes ago, at 13:00 CET (12:00 UTC)",
        "- Commander: ben",
    ):
        assert line in text.splitlines()


# -- anybody's wording -------------------------------------------------------------------------------------------------


def test_a_template_of_ones_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "declaration.txt.j2").write_text("for everybody: {{ title }}")
    (tmp_path / "update.internal.txt.j2").write_text("{{ status|upper }} {{ title }}\n\n{{ state }}\n")
    about = incident(Updated(status=IncidentStatus.MONITORING, state="all quiet"), title="T")
    own = Templates(tmp_path)
    assert said(about, MessageKind.UPDATE, Audience.INTERNAL, templates=own).text == "MONITORING T\nall quiet"
    assert said(about, MessageKind.DECLARATION, Audience.INTERNAL, templates=own).title == "for everybody: T"
    (tmp_path / "declaration.internal.txt.j2").write_text("for us: {% include 'declaration.txt.j2' %}")
    assert said(about, MessageKind.DECLARATION, Audience.INTERNAL, templates=own).title == "for us: for everybody: T"
    assert said(about, MessageKind.DECLARATION, Audience.PUBLIC, templates=own).title == "for everybody: T"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{{ titel }}", "UndefinedError: 'titel' is undefined; it may use: title, severity"),
        ("{% if title %}", "declaration.internal.txt.j2:1: Unexpected end of template"),
        ("ok\n{{ title + 1 }}", "TypeError: "),
        ("{{ 1 / 0 }}", "ZeroDivisionError: "),
        ("{{ title.__class__.__mro__ }}", "SecurityError: "),
        ("{{ title.nothing }}", "UndefinedError: "),
        ("{% include 'other.j2' %}", "TemplateNotFound: other.j2"),
        ("\n  \n", "its first line is the title, and came out empty"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_line_with_its_place(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "declaration.internal.txt.j2").write_text(text)
    with pytest.raises(ConfigurationError) as error:
        said(incident(), MessageKind.DECLARATION, Audience.INTERNAL, templates=Templates(tmp_path))
    assert what in str(error.value)
    assert "declaration.internal.txt.j2" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_there_is_no_template_for_every_audience() -> None:
    with pytest.raises(ConfigurationError, match=r"no template escalation\.public\.txt\.j2 or escalation\.txt\.j2"):
        said(incident(), MessageKind.ESCALATION, Audience.PUBLIC)


# -- nobody's title is a program ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", [kind for kind in MessageKind if kind is not MessageKind.PROPOSAL])
def test_what_people_type_comes_out_as_it_went_in(text: str, kind: MessageKind) -> None:
    audiences = {MessageKind.STATUS: Audience.PUBLIC, MessageKind.ESCALATION: Audience.PERSON}
    audience = audiences.get(kind, Audience.INTERNAL)
    update = Updated(status=IncidentStatus.IDENTIFIED, state=text, impact=text)
    message = said(incident(update, title=text), kind, audience, words=MessageText(text=text, why=text))
    assert text in message.title
    assert text in message.body
    assert message.name == text


def test_several_lines_stay_within_their_item() -> None:
    update = Updated(status=IncidentStatus.IDENTIFIED, state="broken\n- Status: Resolved\n-- end")
    lines = said(incident(update), MessageKind.UPDATE, Audience.INTERNAL).text.splitlines()
    assert [line for line in lines if line.startswith("- Status")] == ["- Status: Identified"]
    assert "  - Status: Resolved" in lines


def test_what_moves_a_cursor_or_turns_the_direction_does_neither() -> None:
    words = MessageText(title="a\x1b[31mb\r\x07c\x9b1A", why="x\u202ey\u2066z\u2028new")
    message = said(incident(), MessageKind.ESCALATION, Audience.PERSON, words=words)
    assert message.title.endswith("needs you: ab c")
    assert "- Why: x\\u202ey\\u2066z\n  new\n" in message.body
    assert harmless("\udcff") == "\\udcff"


def test_a_title_is_one_line() -> None:
    words = MessageText(title="one\ntwo   three")
    message = said(incident(), MessageKind.STATUS, Audience.PUBLIC, words=words)
    assert (message.title, message.name) == ("[Investigating] one two three", "one two three")


def test_secrets_are_masked_wherever_they_stand() -> None:
    masker = Masker(["canary-5f1e"])
    update = Updated(status=IncidentStatus.IDENTIFIED, state="it is canary-5f1e, DB_PASSWORD=hunter2 in .env")
    words = MessageText(title="token canary\x1b[0m-5f1e leaked")
    message = said(incident(update), MessageKind.UPDATE, Audience.INTERNAL, words=words, masker=masker)
    assert "canary" not in message.model_dump_json()
    assert "hunter2" not in message.model_dump_json()
