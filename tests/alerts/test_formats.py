"""Payloads: the vendors' forms, limits, and everything that is refused in one line."""

import json
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.alerts.alert import AlertStatus
from remediate.alerts.formats import MAX_ALERTS, MAX_BYTES, AlertFormat, read
from remediate.errors import ConfigurationError
from support.alerting import HOSTILE, firing, grafana, group, plain

STARTS = datetime(2026, 11, 23, 11, 52, 26, 739266, tzinfo=UTC)


@pytest.mark.parametrize("kind", [None, AlertFormat.ALERTMANAGER])
def test_what_alertmanager_sends(kind: AlertFormat | None) -> None:
    resolved = firing("CacheDown", status="resolved", endsAt="2026-11-23T12:00:00Z", fingerprint="0123456789abcdef")
    payload = read(group(firing(), resolved, truncatedAlerts=3), kind, "prometheus")
    assert payload.omitted == 3
    first, second = payload.alerts
    assert (first.fingerprint, first.name, first.status) == ("c6eadffa33fcdf37", "SiteDown", AlertStatus.FIRING)
    assert first.labels == {"alertname": "SiteDown", "host": "web1", "severity": "critical"}
    assert first.annotations == {"summary": "SiteDown on web1"}
    assert (first.starts, first.ends, first.source) == (STARTS, None, "prometheus")
    assert (second.status, second.ends) == (AlertStatus.RESOLVED, datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.mark.parametrize("kind", [None, AlertFormat.GRAFANA])
def test_what_grafana_sends(kind: AlertFormat | None) -> None:
    (alert,) = read(grafana(firing()), kind, "grafana").alerts
    assert (alert.fingerprint, alert.starts, alert.source) == ("c6eadffa33fcdf37", STARTS, "grafana")


@pytest.mark.parametrize("kind", [None, AlertFormat.PLAIN])
def test_plain_json(kind: AlertFormat | None) -> None:
    (alert,) = read(plain(starts="2026-11-23T11:52:26Z", schema="remediate.alert/1"), kind, "uptime").alerts
    assert alert.labels == {"alertname": "SiteDown", "host": "web1"}
    assert (alert.starts, alert.annotations) == (datetime(2026, 11, 23, 11, 52, 26, tzinfo=UTC), {})


def test_without_a_fingerprint_the_labels_are_one() -> None:
    def of(**labels: str) -> str:
        (alert,) = read(plain(labels=labels), None, "uptime").alerts
        return alert.fingerprint

    assert of(a="1", b="2") == of(b="2", a="1")
    assert len({of(a="1"), of(a="2"), of(b="1"), of(a="1", b=""), of(), of(ab=""), of(a="b")}) == 7


def test_a_text_stays_as_it_was_sent() -> None:
    """A stripped value could match what the sent one does not."""
    labels = {f"l{number}": value for number, value in enumerate(HOSTILE)}
    (alert,) = read(plain(labels=labels), None, "uptime").alerts
    assert alert.labels == {**labels, "alertname": "SiteDown"}


def test_a_long_text_for_people_is_cut() -> None:
    (alert,) = read(plain(annotations={"summary": "x" * 5000}), None, "uptime").alerts
    assert len(alert.annotations["summary"]) == 2001


REFUSED = {
    "empty": b"",
    "blank": b" \n",
    "no JSON": b"hello",
    "cut off": group(firing())[:-9],
    "form data": b"payload=%7B%7D",
    "XML": b"<alert/>",
    "pickle": b"\x80\x04\x95.",
    "no object": b"[]",
    "text": b'"SiteDown"',
    "UTF-16": "{}".encode("utf-16"),
    "no UTF-8": b'{"name":"\xff"}',
    "a lone surrogate": b'{"name":"\\ud800","status":"firing"}',
    "a key twice": b'{"name":"a","name":"b","status":"firing"}',
    "NaN": b'{"name":"a","status":"firing","labels":{"x":NaN}}',
    "a long number": b'{"name":' + b"1" * 5000 + b"}",
    "deep": b'{"labels":' + b"[" * 2000 + b"]" * 2000 + b"}",
    "deep and open": b"[" * 100_000,
    "an unclosed text": b'"' + b'\\"' * 400_000,
    "10 MiB": b" " * (10 * MAX_BYTES),
    "no alerts": group(),
    "alerts of a wrong type": group(alerts={}),
    "too many alerts": group(*[{"status": "firing", "labels": {"alertname": "a"}}] * (MAX_ALERTS + 1)),
    "version 3": group(firing(), version="3"),
    "no name": group(firing(labels={"host": "web1"})),
    "an empty name": group(firing(labels={"alertname": ""})),
    "a label that is no text": group(firing(labels={"alertname": "a", "port": 80})),
    "labels that are a list": group(firing(labels=["a"])),
    "a label that is null": group(firing(labels={"alertname": None})),
    "a nested label": group(firing(labels={"alertname": "a", "x": {"y": "z"}})),
    "too many labels": plain(labels={str(number): "" for number in range(200)}),
    "a long label": plain(labels={"x": "y" * 2000}),
    "a control character in a label's name": plain(labels={"\x1b[2J": "x"}),
    "an unknown status": plain(status="on fire"),
    "no status": b'{"name": "a"}',
    "an unknown key": plain(staus="firing"),
    "another schema": plain(schema="remediate.alert/2"),
    "two names": plain(labels={"alertname": "other"}),
    "a time without a zone": plain(starts="2026-11-23T11:52:26"),
    "a time before all computers": plain(starts="1700-01-01T00:00:00Z"),
    "a time at the end of all": plain(starts="9999-12-31T23:59:59-12:00"),
    "a fingerprint that is a path": plain(fingerprint="../../etc/passwd\n"),
    "a fingerprint that is an object": plain(fingerprint={}),
    "a negative count": group(firing(), truncatedAlerts=-1),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_everything_else_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(ConfigurationError) as error:
        read(body, None, "uptime")
    text = str(error.value)
    assert text.isprintable()
    assert len(text) < 600


def test_a_format_that_was_named_is_the_only_one() -> None:
    for kind, body in ((AlertFormat.GRAFANA, group(firing())), (AlertFormat.PLAIN, group(firing()))):
        with pytest.raises(ConfigurationError, match=f"no {kind.value} payload"):
            read(body, kind, "uptime")


def test_a_mistyped_key_is_answered_with_the_accepted_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"staus: unknown key; did you mean status.*accepted: .*schema"):
        read(plain(staus="firing"), None, "uptime")


def test_a_value_is_never_quoted_in_an_error() -> None:
    for body in (plain(status="hunter2"), plain(fingerprint="hunter2 "), group(firing(startsAt="hunter2"))):
        with pytest.raises(ConfigurationError) as error:
            read(body, None, "uptime")
        assert "hunter2" not in str(error.value)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_crash(body: bytes) -> None:
    _read(body)


_KEYS = st.text(max_size=8) | st.sampled_from(
    ("name", "status", "labels", "annotations", "starts", "fingerprint", "alerts", "version", "orgId", "alertname")
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=8))
def test_no_document_is_a_crash(document: dict[str, object]) -> None:
    _read(json.dumps(document).encode("utf-8", "surrogatepass"))


def _read(body: bytes) -> None:
    refusal = ""
    try:
        read(body, None, "uptime")
    except ConfigurationError as error:
        refusal = str(error)
    assert refusal.isprintable()


def test_a_full_payload_costs_little_memory() -> None:
    body = group(*[firing(fingerprint=f"{number:016x}") for number in range(MAX_ALERTS)])
    assert len(body) < MAX_BYTES
    tracemalloc.start()
    try:
        assert len(read(body, None, "prometheus").alerts) == MAX_ALERTS
        assert tracemalloc.get_traced_memory()[1] < 30 * MAX_BYTES
    finally:
        tracemalloc.stop()
