"""The sender's proof: right signatures, and every wrong header refused with a reason, without an exception."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.alerts.authentication import Authentication, Means, NotAuthenticated, Verifier
from remediate.alerts.policy import AlertSource
from remediate.errors import ConfigurationError
from support.alerting import NOON

KEY, OLD_KEY = b"k" * 24, b"o" * 32
BODY = b'{"name": "SiteDown", "status": "firing"}\n'
SENT = str(int(NOON.timestamp())).encode()

Headers = Sequence[tuple[bytes, bytes]]

UPTIME = AlertSource.model_validate({"format": "plain", "signature": ["env:A", "env:B"]})
GRAFANA = AlertSource.model_validate({"format": "grafana", "signature": "env:A", "timestamp_header": "X-Sent-At"})
UNTIMED = AlertSource.model_validate({"format": "grafana", "signature": "env:A"})
PROMETHEUS = AlertSource.model_validate({"format": "alertmanager", "bearer": ["env:A", "env:B"]})


def standard(key: bytes = KEY, *, id_: bytes = b"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", sent: bytes = SENT) -> bytes:
    signed = id_ + b"." + sent + b"." + BODY
    return b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())


def headers(signature: bytes, *, id_: bytes = b"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", sent: bytes = SENT) -> Headers:
    return ((b"Webhook-Id", id_), (b"webhook-timestamp", sent), (b"WEBHOOK-SIGNATURE", signature))


def uptime(found: Headers, body: bytes = BODY, later: float = 0) -> Authentication | NotAuthenticated:
    verifier = Verifier("uptime", UPTIME, (KEY, OLD_KEY))
    return verifier.verify(found, body, NOON + timedelta(seconds=later))


def refused(answer: Authentication | NotAuthenticated) -> str:
    assert isinstance(answer, NotAuthenticated), answer
    assert answer.reason.isprintable()
    return answer.reason


# Standard Webhooks


@pytest.mark.parametrize("later", [0, 299, -299, 300, -300])
def test_a_right_signature_proves_its_source(later: float) -> None:
    answer = uptime(headers(standard()), later=later)
    assert answer == Authentication(how=Means.SIGNATURE, source="uptime", delivery="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W")


def test_the_example_of_the_specification_s_libraries_is_right() -> None:
    """A vector that other implementations publish, so that ours agrees with more than itself."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    found = headers(
        b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", id_=b"msg_p5jXN8AQM9LWM0D4loKWxJek", sent=b"1614265330"
    )
    then = NOON.fromtimestamp(1614265330, NOON.tzinfo)
    assert isinstance(Verifier("uptime", UPTIME, (key,)).verify(found, body, then), Authentication)


def test_every_active_secret_counts_and_so_does_each_of_several_signatures() -> None:
    wrong = b"v1," + base64.b64encode(b"x" * 32)
    for found in (standard(OLD_KEY), wrong + b" " + standard(), b"v1a,zzz " + standard() + b" " + wrong):
        assert isinstance(uptime(headers(found)), Authentication)
    assert "no signature is right" in refused(uptime(headers(standard(b"another key, not configured"))))


@pytest.mark.parametrize("later", [301, -301, 86400, -86400])
def test_a_time_that_is_too_far_away_is_refused_with_both_clocks(later: float) -> None:
    reason = refused(uptime(headers(standard()), later=later))
    assert "2026-11-23T12:00:00Z" in reason
    assert f"{NOON + timedelta(seconds=later):%Y-%m-%dT%H:%M:%SZ}" in reason


@pytest.mark.parametrize("body", [BODY + b" ", BODY.strip(), b"", BODY.replace(b"firing", b"FIRING")])
def test_the_bytes_of_the_body_count(body: bytes) -> None:
    refused(uptime(headers(standard()), body))


def test_what_was_signed_can_be_read_in_one_way_only() -> None:
    """With a full stop in the id, the border between id, time and body could be moved."""
    sent = b"msg.1"
    assert "webhook-id" in refused(uptime(headers(standard(id_=sent), id_=sent)))


GOOD = standard()
ID = b"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
MALFORMED: dict[str, Headers] = {
    "nothing": (),
    "only an id": headers(GOOD)[:1],
    "no signature": headers(GOOD)[:2],
    "no id": headers(GOOD)[1:],
    "no time": (headers(GOOD)[0], headers(GOOD)[2]),
    "two ids": (*headers(GOOD), (b"webhook-id", ID)),
    "two times": (*headers(GOOD), (b"webhook-timestamp", SENT)),
    "two signatures": (*headers(GOOD), (b"webhook-signature", GOOD)),
    "an empty id": headers(GOOD, id_=b""),
    "a long id": headers(standard(id_=b"x" * 5000), id_=b"x" * 5000),
    "an id with a space": headers(standard(id_=b"a b"), id_=b"a b"),
    "an id with NUL": headers(standard(id_=b"a\x00"), id_=b"a\x00"),
    "an id that is no ASCII": headers(standard(id_="ünï".encode()), id_="ünï".encode()),
    "an empty time": headers(GOOD, sent=b""),
    "a time as text": headers(standard(sent=b"now"), sent=b"now"),
    "a date": headers(standard(sent=b"2026-11-23T12:00:00Z"), sent=b"2026-11-23T12:00:00Z"),
    "a fraction": headers(standard(sent=SENT + b".5"), sent=SENT + b".5"),
    "an exponent": headers(standard(sent=b"1e9"), sent=b"1e9"),
    "milliseconds": headers(standard(sent=SENT + b"000"), sent=SENT + b"000"),
    "a negative time": headers(standard(sent=b"-1"), sent=b"-1"),
    "a time with a sign": headers(standard(sent=b"+" + SENT), sent=b"+" + SENT),
    "a time with spaces": headers(standard(sent=b" " + SENT), sent=b" " + SENT),
    "a time with underscores": headers(standard(sent=b"1_7_9"), sent=b"1_7_9"),
    "Arabic digits": headers(standard(sent="١٧٩".encode()), sent="١٧٩".encode()),
    "a huge time": headers(standard(sent=b"9" * 11), sent=b"9" * 11),
    "a time of 5,000 digits": headers(standard(sent=b"9" * 5000), sent=b"9" * 5000),
    "infinity": headers(standard(sent=b"inf"), sent=b"inf"),
    "an empty signature": headers(b""),
    "spaces": headers(b"   "),
    "no version": headers(GOOD.removeprefix(b"v1,")),
    "another version": headers(GOOD.replace(b"v1", b"v2")),
    "an asymmetric version": headers(GOOD.replace(b"v1,", b"v1a,")),
    "no comma": headers(GOOD.replace(b",", b"")),
    "a version only": headers(b"v1,"),
    "no base64": headers(b"v1,!!!!"),
    "base64 without padding": headers(GOOD.rstrip(b"=")),
    "more padding": headers(GOOD + b"=="),
    "hex": headers(b"v1," + base64.b64decode(GOOD[3:]).hex().encode()),
    "no ASCII": headers("v1,ключ".encode()),
    "no UTF-8": headers(b"v1,\xff\xfe\x80"),
    "NUL": headers(b"v1,\x00\x00"),
    "a surrogate": headers("v1,\udcff".encode("utf-8", "surrogatepass")),
    "the half": headers(GOOD[:20]),
    "a signature in quotes": headers(b'"' + GOOD + b'"'),
    "commas between them": headers(GOOD + b"," + GOOD),
    "a thousand signatures": headers(b" ".join([GOOD] * 1000)),
    "a megabyte": headers(b"v1," + b"A" * 1_000_000),
    "a header's name that is no ASCII": (("wébhook-id".encode(), ID), *headers(GOOD)[1:]),
    "another key": headers(standard(b"q" * 24)),
}


def test_there_are_forty_of_them() -> None:
    assert len(MALFORMED) >= 40


@pytest.mark.parametrize("found", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_header_is_refused_and_never_raises(found: Headers) -> None:
    refused(uptime(found))


_NAMES = st.sampled_from((b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"authorization", b"x-sent-at"))


@given(st.lists(st.tuples(_NAMES | st.binary(max_size=20), st.binary(max_size=60) | st.just(SENT)), max_size=6))
def test_no_headers_are_a_crash_or_a_pass(found: Headers) -> None:
    for name, source in (("uptime", UPTIME), ("g", GRAFANA), ("u", UNTIMED), ("p", PROMETHEUS)):
        refused(Verifier(name, source, (KEY, OLD_KEY)).verify(found, BODY, NOON))


# Grafana


def of_grafana(signed: bytes, key: bytes = KEY) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).hexdigest().encode()


def grafana(found: Headers, source: AlertSource = GRAFANA) -> Authentication | NotAuthenticated:
    return Verifier("grafana", source, (KEY,)).verify(found, BODY, NOON)


def test_grafana_signs_its_time_with_the_body() -> None:
    signature = of_grafana(SENT + b":" + BODY)
    found = ((b"X-Grafana-Alerting-Signature", signature), (b"X-Sent-At", SENT))
    assert grafana(found) == Authentication(how=Means.SIGNATURE, source="grafana", delivery=signature.decode())


def test_without_a_time_grafana_is_worth_a_bearer() -> None:
    """Whoever has seen such a request can send it again at any time."""
    found = ((b"X-Grafana-Alerting-Signature", of_grafana(BODY)),)
    assert grafana(found, UNTIMED) == Authentication(how=Means.BEARER, source="grafana")
    # A time that nobody asked for proves nothing.
    assert refused(grafana(((b"X-Grafana-Alerting-Signature", of_grafana(SENT + b":" + BODY)), found[0]), UNTIMED))


@pytest.mark.parametrize(
    "found",
    [
        (),
        ((b"X-Grafana-Alerting-Signature", of_grafana(BODY)),),
        ((b"X-Grafana-Alerting-Signature", of_grafana(BODY)), (b"X-Sent-At", SENT)),
        ((b"X-Grafana-Alerting-Signature", of_grafana(SENT + b":" + BODY)), (b"X-Sent-At", SENT), (b"x-sent-at", SENT)),
        ((b"X-Grafana-Alerting-Signature", of_grafana(b"1:" + BODY)), (b"X-Sent-At", b"1")),
        ((b"X-Grafana-Alerting-Signature", b"sha256=" + of_grafana(SENT + b":" + BODY)), (b"X-Sent-At", SENT)),
        ((b"X-Grafana-Alerting-Signature", b"\xff" * 64), (b"X-Sent-At", SENT)),
        ((b"X-Grafana-Alerting-Signature", of_grafana(SENT + b":" + BODY, b"z" * 24)), (b"X-Sent-At", SENT)),
    ],
    ids=["nothing", "no time", "not signed", "two times", "old", "prefixed", "no ASCII", "another key"],
)
def test_anything_else_of_grafana_is_refused(found: Headers) -> None:
    refused(grafana(found))


# Bearer


def prometheus(*values: bytes) -> Authentication | NotAuthenticated:
    found = [(b"Authorization", value) for value in values]
    return Verifier("prometheus", PROMETHEUS, (b"first-token-of-16", b"second-token-of-16")).verify(found, BODY, NOON)


@pytest.mark.parametrize("value", [b"Bearer first-token-of-16", b"bearer second-token-of-16"])
def test_a_token_proves_its_source(value: bytes) -> None:
    assert prometheus(value) == Authentication(how=Means.BEARER, source="prometheus")


@pytest.mark.parametrize(
    "values",
    [
        (),
        (b"",),
        (b"Bearer",),
        (b"Bearer ",),
        (b"Basic Zmlyc3Q=",),
        (b"first-token-of-16",),
        (b"Bearer first-token-of-1",),
        (b"Bearer first-token-of-16x",),
        ("Bearer tökén-of-16-chars".encode(),),
        (b"Bearer \xff\x00",),
        (b"Bearer first-token-of-16", b"Bearer first-token-of-16"),
    ],
    ids=repr,
)
def test_any_other_token_is_refused(values: Sequence[bytes]) -> None:
    refused(prometheus(*values))


# Secrets


def test_secrets_are_read_from_where_the_policy_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(b"whsec_" + base64.b64encode(KEY) + b"\n")
    monkeypatch.setenv("OLD", OLD_KEY.decode())
    source = AlertSource.model_validate({"format": "plain", "signature": [f"file:{tmp_path}/key", "env:OLD"]})
    verifier = Verifier.of("uptime", source)
    for key in (KEY, OLD_KEY):
        assert isinstance(verifier.verify(headers(standard(key)), BODY, NOON), Authentication)
    assert repr(verifier) == "<Verifier of uptime>"


@pytest.mark.parametrize("secret", ["whsec_%%%", "whsec_YWJj", "short"], ids=str)
def test_an_unusable_secret_is_an_error_that_does_not_quote_it(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", secret)
    source = AlertSource.model_validate({"format": "plain", "signature": "env:KEY"})
    with pytest.raises(ConfigurationError, match="the source uptime: ") as error:
        Verifier.of("uptime", source)
    assert secret not in str(error.value)


def test_a_missing_secret_is_an_error() -> None:
    source = AlertSource.model_validate({"format": "alertmanager", "bearer": "env:NO_SUCH_VARIABLE"})
    with pytest.raises(ConfigurationError, match="the source prometheus env:NO_SUCH_VARIABLE"):
        Verifier.of("prometheus", source)
