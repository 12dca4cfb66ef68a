"""A team's settings: the runbook's defaults, one-line errors, and the on-call calendar."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError
from remediate.incident.contacts import on_duty, people
from remediate.incident.settings import IncidentSettings, StaticPage, incident_settings
from support.toy_incidents import NOON, minutes


def of(tmp_path: Path, text: str) -> IncidentSettings:
    (tmp_path / "pyproject.toml").write_text(f"[tool.remediate]\n{text}")
    return incident_settings(tmp_path)


def test_without_a_word_they_are_the_runbooks(tmp_path: Path) -> None:
    assert of(tmp_path, "") == incident_settings(None) == incident_settings(tmp_path / "nowhere") == IncidentSettings()
    settings = IncidentSettings()
    assert [settings.respond_within(each) for each in Severity] == [timedelta(minutes=m) for m in (15, 60, 240, 1440)]
    assert [settings.update_every(each) for each in Severity] == [*(timedelta(minutes=m) for m in (30, 30, 60)), None]
    assert {role: contact.method for role, contact in settings.contacts.items() if contact.method} == {
        "on-call": "PagerDuty",
        "tech-lead": "Phone/Slack",
        "devops": "Slack",
        "security": "Phone",
    }


def test_what_is_given_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    settings = of(
        tmp_path,
        """
        [tool.remediate.incidents]
        timezone = "Europe/Berlin"
        [tool.remediate.incidents.updates]
        SEV-1 = 15
        SEV-3 = 0
        [tool.remediate.incidents.contacts.tech-lead]
        primary = "Tess"
        [tool.remediate.incidents.contacts.database-team]
        primary = "Dan"
        """,
    )
    assert settings.update_every(Severity.SEV1) == timedelta(minutes=15)
    assert settings.update_every(Severity.SEV2) == timedelta(minutes=30)
    assert settings.update_every(Severity.SEV3) is None
    assert (settings.contacts["tech-lead"].primary, settings.contacts["tech-lead"].method) == ("Tess", "Phone/Slack")
    assert settings.contacts["database-team"].name == "Database Team"
    assert f"{settings.local(NOON):%H:%M %Z}" == "13:00 CET"


def test_a_status_page_is_a_static_one_unless_stated() -> None:
    settings = IncidentSettings.model_validate({"status_page": {"directory": "/srv/status"}})
    assert settings.status_page == StaticPage(directory=Path("/srv/status"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.remediate.incidents]\nspeed = 3", "speed"),
        ('[tool.remediate.incidents.contacts.cto]\nnme = "x"', "contacts.cto.nme: unknown key; did you mean name?"),
        (
            '[tool.remediate.incidents.status_page]\nkind = "statuspage"\npage = "x"\ntoken = "env:A"\ntokn = "canary"',
            "status_page.statuspage.tokn: unknown key; did you mean token? accepted: api, components, ",
        ),
        ('[tool.remediate.incidents]\ntimezone = "Mars/Base"', "timezone"),
        ("[tool.remediate.incidents.respond]\nSEV-9 = 3", "SEV-9"),
        ("[tool.remediate.incidents.respond]\nSEV-1 = -3", "respond.SEV-1"),
        ('[[tool.remediate.incidents.escalation]]\nsituation = "breach"\nto = ["nobody"]', "nobody"),
        ('[[tool.remediate.incidents.escalation]]\nsituation = "rain"\nto = ["devops"]', "situation"),
        ('[tool.remediate.incidents.channels.x]\nkind = "apprise"\nreference = "slack://canary"', "env:NAME"),
        ('[tool.remediate.incidents.channels.x]\nkind = "pigeon"', "kind"),
        ('[tool.remediate.incidents.links]\nWiki = "https://ana:canary@wiki.example.com/"', "links.Wiki"),
        ('[tool.remediate.incidents.contacts.devops]\nchannel = "x"', "channel"),
        ("incidents = 3", "incidents"),
        ("[tool.remediate.incidents", "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line_that_quotes_no_value(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        of(tmp_path, text)
    assert words in str(error.value)
    assert str(tmp_path / "pyproject.toml") in str(error.value)
    assert "canary" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1


LINES = """
# who takes over when
2026-11-23T09:00+01:00 Ana
2026-11-30T09:00+01:00   Ben Bolt
"""
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
SUMMARY:Ana
DTSTART;TZID=Europe/Berlin:20261102T090000
DTEND;TZID=Europe/Berlin:20261109T090000
RRULE:FREQ=WEEKLY;INTERVAL=2
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Ben
DTSTART;VALUE=DATE:20261109
DTEND;VALUE=DATE:20261116
RRULE:FREQ=WEEKLY;INTERVAL=2
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-11-23T07:59Z", None),
        ("2026-11-23T08:00Z", "Ana"),
        ("2026-11-30T07:59Z", "Ana"),
        ("2026-12-24T00:00Z", "Ben Bolt"),
    ],
)
def test_a_file_says_who_is_on_duty(tmp_path: Path, moment: str, name: str | None) -> None:
    file = tmp_path / "rotation"
    file.write_text(LINES)
    assert on_duty(file, datetime.fromisoformat(moment)) == name


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-11-03T12:00Z", "Ana"),
        ("2026-11-11T12:00Z", "Ben"),
        ("2026-11-18T12:00Z", "Ana"),
        ("2026-11-25T12:00Z", "Ben"),
        ("2026-10-01T12:00Z", None),
    ],
)
def test_a_calendar_says_it_too_week_after_week(tmp_path: Path, moment: str, name: str | None) -> None:
    file = tmp_path / "rotation.ics"
    file.write_text(CALENDAR)
    assert on_duty(file, datetime.fromisoformat(moment)) == name


DAYS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example.com//on call//EN
BEGIN:VEVENT
UID:1@example.com
SUMMARY:Ana
DTSTART;VALUE=DATE:20261122
DTEND;VALUE=DATE:20261123
END:VEVENT
BEGIN:VEVENT
UID:2@example.com
SUMMARY:Ben
DTSTART;VALUE=DATE:20261123
DTEND;VALUE=DATE:20261124
END:VEVENT
BEGIN:VEVENT
UID:3@example.com
SUMMARY:Cem
DTSTART:20261123T030000
DTEND:20261123T040000
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-11-22T22:59Z", "Ana"),
        ("2026-11-22T23:30Z", "Ben"),
        ("2026-11-23T02:30Z", "Cem"),
        ("2026-11-23T03:30Z", "Ben"),
        ("2026-11-23T23:30Z", None),
    ],
)
def test_a_day_of_a_calendar_is_one_of_the_team(tmp_path: Path, moment: str, name: str | None) -> None:
    (tmp_path / "r.ics").write_text(DAYS)
    settings = of(
        tmp_path,
        '[tool.remediate.incidents]\ntimezone = "Europe/Berlin"\n'
        '[tool.remediate.incidents.contacts.on-call]\nrotation = "r.ics"\n',
    )
    (duty,) = people(("on-call",), settings, datetime.fromisoformat(moment), tmp_path)
    assert (duty.name, duty.trouble) == (name, None)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r", "2026-11-23T09:00 Ana", "r:1"),
        ("r", "\nAna", "r:2"),
        ("r", "2026-11-23T09:00+01:00", "r:1"),
        ("r.ics", "no calendar", "cannot be read"),
    ],
)
def test_a_rotation_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        on_duty(tmp_path / name, datetime.now(UTC))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        on_duty(tmp_path / "missing", datetime.now(UTC))


def test_who_is_on_duty_comes_before_who_is_named(tmp_path: Path) -> None:
    (tmp_path / "rotation").write_text(LINES)
    settings = of(
        tmp_path,
        '[tool.remediate.incidents.contacts.on-call]\nrotation = "rotation"\nprimary = "Zoe"\n'
        '[tool.remediate.incidents.contacts.devops]\nprimary = "Dora"\nbackup = "Dan"\n',
    )
    found = people(("on-call", "devops", "legal"), settings, minutes(0), tmp_path)
    assert [person.describe() for person in found] == [
        "On-Call: Ana, else Zoe by PagerDuty",
        "DevOps: Dora, else Dan by Slack",
        "Legal (nobody is named: set legal in contacts)",
    ]
    (tmp_path / "rotation").write_text("nonsense")
    (duty,) = people(("on-call",), settings, minutes(0), tmp_path)
    assert duty.describe().startswith("On-Call: Zoe by PagerDuty (")
    assert "rotation:1" in duty.describe()
    settings = of(
        tmp_path, '[tool.remediate.incidents.contacts.on-call]\nrotation = "~nobody-here/r"\nprimary = "Zoe"\n'
    )
    (duty,) = people(("on-call",), settings, minutes(0), tmp_path)
    assert duty.describe().startswith("On-Call: Zoe by PagerDuty (the rotation ~nobody-here/r begins with a user")
    with pytest.raises(ConfigurationError, match="no role 'king'; there are: on-call"):
        people(("king",), settings, minutes(0), tmp_path)


def shift(who: str, start: str = "20261123T080000Z", end: str = "20261130T080000Z", **more: str) -> str:
    rest = "".join(f"{name.replace('_', '-')}:{value}\n" for name, value in more.items())
    return (
        f"BEGIN:VEVENT\nUID:{who}-{start}{more.get('RECURRENCE_ID', '')}\nDTSTAMP:20261101T000000Z\n"
        f"DTSTART:{start}\nDTEND:{end}\nSUMMARY:{who}\n{rest}END:VEVENT\n"
    )


WEEKLY = {"RRULE": "FREQ=WEEKLY;COUNT=9"}


@pytest.mark.parametrize(
    ("events", "name"),
    [
        (shift("Ana") + shift("Ben", STATUS="CANCELLED", start="20261124T080000Z"), "Ana"),
        (shift("Ben", STATUS="CANCELLED"), None),
        (shift("Ana", STATUS="CONFIRMED"), "Ana"),
        (shift("Zoe (Secondary)") + shift("Ana (Primary)"), "Ana (Primary)"),
        (shift("Secondary: Ben", start="20261124T080000Z") + shift("Ana"), "Ana"),
        (shift("[L2] Ben"), "[L2] Ben"),
        (shift("Ben") + shift("Ana"), "Ana and Ben"),
        (shift("Ben") + shift("Primary Ana"), "Primary Ana"),
        (shift("Ana") + shift("Ben", start="20261125T080000Z", end="20261126T080000Z"), "Ben"),
        (shift("Ana", TRANSP="TRANSPARENT"), "Ana"),
        (shift("Anastasia with a long\n  name"), "Anastasia with a long name"),
        (shift("Ana", start="20261101T000000Z", end="20261108T000000Z", **WEEKLY), "Ana"),
        (
            shift("Ana", start="20261104T000000Z", end="20261111T000000Z", EXDATE="20261125T000000Z", **WEEKLY),
            None,
        ),
        (
            (
                "BEGIN:VEVENT\nUID:w\nDTSTAMP:20261101T000000Z\nDTSTART:20261104T000000Z\nDTEND:20261111T000000Z\n"
                "SUMMARY:Ana\nRRULE:FREQ=WEEKLY;COUNT=9\nEND:VEVENT\nBEGIN:VEVENT\nUID:w\nDTSTAMP:20261101T000000Z\n"
                "RECURRENCE-ID:20261125T000000Z\nDTSTART:20261125T000000Z\nDTEND:20261202T000000Z\nSUMMARY:Ana\n"
                "STATUS:CANCELLED\nEND:VEVENT\n"
            ),
            None,
        ),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_who_has_the_duty_of_a_calendar(tmp_path: Path, events: str, name: str | None, mark: str) -> None:
    text = f"{mark}BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{events}END:VCALENDAR\n"
    (tmp_path / "r.ics").write_text(text, encoding="utf-8")
    assert on_duty(tmp_path / "r.ics", datetime(2026, 11, 25, 12, tzinfo=UTC)) == name


def test_lines_behind_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("2026-11-23T09:00+01:00 Ana\n", encoding="utf-8-sig")
    assert on_duty(tmp_path / "r.txt", datetime(2026, 11, 25, tzinfo=UTC)) == "Ana"
