"""Statuspage, against a local fake: created, updated, once, within the rate limit."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from remediate.core.playbook import Severity
from remediate.incident.channels import NotSent
from remediate.incident.messages import Message
from remediate.incident.settings import StatuspageSettings
from remediate.incident.status_page.statuspage import StatuspagePage
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id
from remediate.masking.masker import Masker
from support.http_thread import serving
from support.toy_incidents import NOON
from support.toy_messages import message
from support.toy_statuspage import KEY, PAGE, Statuspage


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, direct: None) -> Iterator[Statuspage]:
    monkeypatch.setenv("STATUSPAGE_KEY", KEY)
    with serving(Statuspage()) as server:
        yield server


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def page(there: Statuspage, waits: Waits | None = None, **given: object) -> StatuspagePage:
    settings = {
        "kind": "statuspage",
        "page": PAGE,
        "token": "env:STATUSPAGE_KEY",
        "api": f"http://127.0.0.1:{there.server_port}/v1",
        **given,
    }
    return StatuspagePage(StatuspageSettings.model_validate(settings), Masker(), sleep=waits or Waits())


def said(one: Message, there: Statuspage, **given: object) -> str:
    return page(there, None, **given).publish(one, tuple)


def test_an_incident_is_created_then_updated_then_resolved(there: Statuspage) -> None:
    first = message(body="We look <b>{{ x }}</b>.")
    assert said(first, there, components=("ftgks51sfs2d",)) == "https://stspg.io/x"
    (one,) = there.incidents
    assert (one["name"], one["status"], one["impact_override"]) == ("Payments fail", "investigating", "critical")
    assert one["components"] == {"ftgks51sfs2d": "major_outage"}
    assert one["component_ids"] == ["ftgks51sfs2d"]
    assert one["deliver_notifications"] is True

    second = message(body="Fixed.", incident=first.incident, status=IncidentStatus.RESOLVED, severity=Severity.SEV2)
    said(second, there, components=("ftgks51sfs2d",))
    assert one["status"] == "resolved"
    assert one["components"] == {"ftgks51sfs2d": "operational"}
    assert one["incident_updates"] == [
        {"status": "resolved", "body": "Fixed."},
        {"status": "investigating", "body": "We look <b>{{ x }}</b>."},
    ]
    assert one["metadata"]["remediate"] == {"incident": first.incident, "messages": [first.id, second.id]}
    assert [method for method, _ in there.asked] == ["GET", "POST", "GET", "PATCH"]

    said(message(), there)
    assert len(there.incidents) == 2


def test_a_message_is_shown_once_even_when_the_answer_was_lost(there: Statuspage) -> None:
    first = message()
    second = message(incident=first.incident)
    for one in (first, second):
        there.lose = True
        with pytest.raises(NotSent) as error:
            said(one, there)
        assert (error.value.final, error.value.unsure, error.value.under_way) == (False, True, True)
        there.lose = False
        assert said(one, there).endswith("shown before")
        assert said(one, there).endswith("shown before")
    (incident,) = there.incidents
    assert len(incident["incident_updates"]) == 2


def test_others_incidents_are_left_alone(there: Statuspage) -> None:
    there.incidents += [
        {"id": "a", "metadata": {}, "incident_updates": []},
        {"id": "b", "metadata": {"jira": {"issue_id": "1"}}, "incident_updates": []},
        {"id": "c", "metadata": None, "incident_updates": []},
        {"id": "d", "metadata": {"remediate": {"incident": new_run_id()}}, "incident_updates": []},
    ]
    said(message(), there)
    assert len(there.incidents) == 5
    assert [len(one["incident_updates"]) for one in there.incidents] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("count", [150, 301, 1250])
def test_ours_is_found_behind_however_many_others(there: Statuspage, count: int) -> None:
    first = message()
    said(first, there)
    there.incidents += [{"id": str(number), "metadata": {}, "incident_updates": []} for number in range(count)]
    said(message(incident=first.incident), there)
    assert len(there.incidents[0]["incident_updates"]) == 2
    assert len(there.incidents) == count + 1


def test_nothing_is_looked_for_among_what_is_older_than_our_incident(there: Statuspage) -> None:
    old = (NOON - timedelta(days=2)).isoformat()
    there.incidents += [
        {"id": str(number), "metadata": {}, "created_at": old, "incident_updates": []} for number in range(250)
    ]
    said(message(), there)
    assert [method for method, _ in there.asked] == ["GET", "POST"]
    # Those of the day before may be ours, and so may one that does not say when it was made.
    there.incidents[150:] = [{**each, "created_at": NOON.isoformat()} for each in there.incidents[150:]]
    there.asked.clear()
    said(message(), there)
    assert [method for method, _ in there.asked] == ["GET", "GET", "POST"]


def test_one_that_may_be_there_is_not_made_again(there: Statuspage, monkeypatch: pytest.MonkeyPatch) -> None:
    there.incidents += [{"id": str(number), "metadata": {}, "incident_updates": []} for number in range(250)]
    monkeypatch.setattr("remediate.incident.status_page.statuspage._LOOK_SECONDS", 0)
    with pytest.raises(NotSent, match="not among the newest 100 incidents") as error:
        said(message(), there)
    assert (error.value.final, error.value.under_way, len(there.incidents)) == (False, False, 250)


@pytest.mark.parametrize(("method", "under_way"), [("GET", False), ("POST", True)])
def test_a_gateway_that_gave_up_may_have_handed_it_on(there: Statuspage, method: str, under_way: bool) -> None:
    there.answers += [(200, {}, "[]")] * (method == "POST") + [(504, {}, "gateway timeout")]
    with pytest.raises(NotSent, match="answers 504") as error:
        said(message(), there)
    assert (error.value.unsure, error.value.under_way) == (under_way, under_way)


def test_it_asks_once_a_second(there: Statuspage) -> None:
    waits = Waits()
    board = page(there, waits)
    board.publish(message(), tuple)
    board.publish(message(), tuple)
    assert len(waits.seconds) == 3
    assert all(0 <= seconds <= 1 for seconds in waits.seconds)


@pytest.mark.parametrize(
    ("code", "headers", "wait"),
    [
        (429, {"Retry-After": "17"}, 17),
        (420, {"Retry-After": "60"}, 60),
        (429, {}, 60),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 60),
        (429, {"Retry-After": "99999999"}, 3600),
    ],
)
def test_too_many_requests_are_waited_out(there: Statuspage, code: int, headers: dict[str, str], wait: int) -> None:
    there.answers.append((code, headers, ""))
    with pytest.raises(NotSent, match="too many requests") as error:
        said(message(), there)
    assert error.value.wait == timedelta(seconds=wait)
    assert not error.value.final


@pytest.mark.parametrize(
    ("code", "text", "why", "final"),
    [
        (401, "", "the key at env:STATUSPAGE_KEY is not accepted", False),
        (403, "", "is not accepted", False),
        (404, "gone", "answers 404: gone", False),
        (422, f'{{"error": "name is\\u001b[31m too long {KEY}"}}', "answers 422: ", True),
        (500, "<html>oops", "answers 500: <html>oops", False),
        (302, "", "answers 302", False),
        (200, "<html>a proxy", "answers what is no incident", False),
        (200, '{"id": 1}', "answers what is no incident", False),
    ],
)
def test_a_refusal_is_one_line_without_the_key(there: Statuspage, code: int, text: str, why: str, final: bool) -> None:
    there.answers.append((code, {"Location": "http://127.0.0.1:1/"} if code == 302 else {}, text))
    with pytest.raises(NotSent) as error:
        said(message(), there)
    assert why in error.value.why
    assert KEY not in error.value.why
    assert "\x1b" not in error.value.why
    assert len(error.value.why.splitlines()) == 1
    assert error.value.final is final
    assert there.incidents == []


def test_a_page_that_is_not_there_is_tried_again(there: Statuspage) -> None:
    with pytest.raises(NotSent) as error:
        said(message(), there, api="http://127.0.0.1:1/v1")
    assert (error.value.final, error.value.under_way) == (False, False)


def test_the_key_never_travels_in_clear(there: Statuspage) -> None:
    with pytest.raises(NotSent, match="unencrypted: use https"):
        said(message(), there, api="http://api.statuspage.example/v1")


@pytest.mark.parametrize("value", ["", "with space", "with\nline", "with\xe9"])
def test_what_is_no_key_is_not_sent(there: Statuspage, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STATUSPAGE_KEY", value)
    with pytest.raises(NotSent, match="what stands there is no API key" if value else "nothing was read"):
        said(message(), there)
    assert there.asked == []
