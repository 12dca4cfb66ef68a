"""Receivers of an alert, by the routes of an Alertmanager."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.core.command import Output
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.alertmanager import AlertmanagerRouting, Routing

ROUTING = AlertmanagerRouting(url="http://127.0.0.1:9093/", asked_from=Vantage.HOST)
CONFIGURATION = """
global: {resolve_timeout: 5m}
route:
  receiver: nobody
  group_by: [alertname]
  routes:
  - match: {severity: page}
    receiver: on-call
  - match_re: {severity: ticket|mail}
    receiver: desk
    continue: true
  - matchers: ['team!="web", env=prod']
    receiver: other
  - matchers: ['{severity="none"}']
    routes:
    - matchers: ['alertname =~ "Watch.*"']
      receiver: desk
receivers:
- name: nobody
- name: on-call
  webhook_configs: [{url: <secret>}]
  email_configs: []
- name: desk
  email_configs: [{to: desk@example.com}]
  slack_configs: [{channel: '#desk'}]
"""


def read(text: str) -> Routing:
    document = json.dumps({"config": {"original": text}, "versionInfo": {}})
    return ROUTING.read(Output(stdout=document, stderr="200 0.01 "))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"severity": "page"}, ["on-call"]),
        ({"severity": "ticket", "team": "web", "env": "prod"}, ["desk"]),
        # The third node may take it as well: nobody knows its environment.
        ({"severity": "mail", "team": "db"}, ["desk", "other"]),
        ({"severity": "info", "team": "web"}, ["nobody"]),
        ({"severity": "info", "team": "db", "env": "prod"}, ["other"]),
        # A pattern of theirs is never run, so both ends are possible.
        ({"severity": "none", "team": "web", "alertname": "Watchdog"}, ["desk", "nobody"]),
        # A label that the series bring, or a template: any of them.
        ({"team": "web"}, ["on-call", "desk", "nobody"]),
        ({"severity": "{{ $labels.severity }}", "team": "web"}, ["on-call", "desk", "nobody"]),
    ],
)
def test_whom_an_alert_may_end_up_with(labels: dict[str, str], expected: list[str]) -> None:
    found = [receiver.name for receiver in read(CONFIGURATION).receivers(labels)]
    assert found == expected


def test_the_means_of_a_receiver_are_those_it_is_given() -> None:
    known = {each.name: each.means for each in read(CONFIGURATION).tellers}
    assert known == {"nobody": (), "on-call": ("webhook",), "desk": ("email", "slack")}


def test_every_value_is_the_text_that_it_is() -> None:
    text = """
route:
  receiver: desk
  routes:
  - {match: {severity: 5, paging: true}, receiver: on-call, continue: true}
  - {match: {when: !!timestamp x}, receiver: !!int ""}
receivers:
- {name: desk, email_configs: null, slack_configs: ~, webhook_configs: }
- {name: !!bool maybe, email_configs: [{to: desk@example.com}]}
"""
    found = read(text)
    first, second = found.route.routes
    assert [(each.label, each.value) for each in first.matchers] == [("severity", "5"), ("paging", "true")]
    assert (first.goes_on, second.goes_on) == (True, False)
    assert [(each.label, each.value) for each in second.matchers] == [("when", "x")]
    assert [(each.name, each.means) for each in found.tellers] == [("desk", ()), ("maybe", ("email",))]


@given(st.text("ab{}[]:!!&*-?|>%~\"'# \n\\x0", max_size=60) | st.text(max_size=40))
def test_whatever_is_configured_ends_in_an_answer(text: str) -> None:
    for whole in (text, f"route: {{receiver: a}}\nreceivers: []\nother: {text}"):
        with suppress(Unreadable):
            found = read(whole)
            assert type(found).model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "route: !!bool maybe",
        "route: {receiver: a, continue: !!timestamp x}",
        "route: {receiver: a}\nreceivers: [{}]",
        "route: [",
        "a: &a [x]\nroute: {receiver: a, routes: *a}\n",
        f"route: {'{routes: [' * 40}{']}' * 40}",
        f"route: {'[' * 3000}",
    ],
)
def test_what_is_no_configuration_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


def test_a_service_that_refuses_is_unreadable_with_its_status() -> None:
    with pytest.raises(Unreadable, match="401"):
        ROUTING.read(Output(stdout="Unauthorized", stderr="401 0.01 "))
