"""Masking of a report: never its names, codes, dates or verdicts."""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.masking.common_words import is_common
from remediate.masking.masker import Json, Masker
from remediate.masking.secret_patterns import MASK
from remediate.testing import ScriptedEvent, play
from support.engine_scenes import BROKEN, HOST_PLAN, MENDED
from support.scripted import FactSession
from support.toys import report_of

FREE: Final = {"message", "reason", "label", "note", "title", "why", "evidence", "value", "params", "argv"}
"""The masked parts of a report; scripts read everything else in it."""


@pytest.fixture(scope="module")
def report() -> Report:
    """Return the report of a run over three hosts: one fixed, one left alone, one lost while it was changed."""
    hold = Options(hold=0, yes=True)
    hosts = (
        play(HOST_PLAN, FactSession(BROKEN, MENDED), options=hold),
        play(HOST_PLAN, FactSession(BROKEN, ScriptedEvent.LOCKED), options=hold),
        play(HOST_PLAN, FactSession(BROKEN, ScriptedEvent.LOST_WHILE), options=hold),
    )
    return report_of(*hosts).model_copy(update={"reason": "pages are down", "incident": "0193-5a3c"})


def texts(value: Json) -> Iterator[str]:
    """Yield every string and number of a document."""
    match value:
        case str():
            yield value
        case int() | float():
            yield str(value)
        case list():
            for item in value:
                yield from texts(item)
        case dict():
            for key, item in value.items():
                yield from (key, *texts(item))


def stable(value: Json) -> Json:
    """Return a document without its free text."""
    match value:
        case list():
            return [stable(item) for item in value]
        case dict():
            return {key: stable(item) for key, item in value.items() if key not in FREE}
        case _:
            return value


def test_no_secret_changes_what_a_report_says_or_ends_it(report: Report) -> None:
    document = report.model_dump(mode="json", by_alias=True)
    said = {*texts(document), *(word for text in texts(document) for word in text.split())}
    assert {"fixed", "proven", "proceed", "web1", "192.0.2.1", "2026-11-23T08:31:40Z", "0"} <= said
    for secret in said:
        masked = Masker([secret]).masked(report)
        # As its own schema has it, and as what it was before.
        again = json.loads(masked.model_dump_json(by_alias=True))
        assert Report.model_validate(again) == masked
        assert stable(again) == stable(document), secret


@pytest.mark.parametrize("secret", ["2026", "proven", "proceed", "host", "fixed", "redis", "web1"])
def test_the_words_of_a_report_are_left(report: Report, secret: str) -> None:
    masked = Masker([secret]).masked(report)
    assert (masked.verdict, masked.started, masked.playbook) == (report.verdict, report.started, report.playbook)


def test_a_secret_is_masked_in_all_that_is_said(report: Report) -> None:
    secret = "q7-hunter"
    (fixed, *rest) = report.hosts
    step = fixed.steps[0].model_copy(
        update={"why": f"x {secret}", "evidence": secret, "params": {"value": secret, secret: [f"a{secret}"]}}
    )
    command = step.commands[0].model_copy(update={"argv": ("/usr/bin/x", f"--key={secret}")})
    seen = fixed.before[0].model_copy(update={"note": secret, "label": f"l {secret}", "value": {"is": [secret]}})
    host = fixed.model_copy(update={"steps": (step.model_copy(update={"commands": (command,)}),), "before": (seen,)})
    full = report.model_copy(update={"hosts": (host, *rest), "reason": f"because {secret}"})
    shown = Masker([secret]).masked(full).model_dump_json()
    assert secret in full.model_dump_json()
    assert secret not in shown
    assert shown.count(MASK) == 10


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("redis", MASK),
        ('"redis"', f'"{MASK}"'),
        ("CACHE_STORE=redis", f"CACHE_STORE={MASK}"),
        ("x CACHE_STORE='redis' y", f"x CACHE_STORE='{MASK}' y"),
        ("redis-server.service is active", "redis-server.service is active"),
        ("the host says redis://127.0.0.1", "the host says redis://127.0.0.1"),
        ("host=redis", "host=redis"),
        ("CACHE_STORE=redis-two", "CACHE_STORE=redis-two"),
    ],
)
def test_a_word_of_everybodys_is_masked_where_it_is_a_value(text: str, masked: str) -> None:
    assert Masker(["redis"]).mask(text) == masked


@pytest.mark.parametrize(
    "secret", ["hunter", "secret", "password", "root", "admin", "12345", "letmein", "s3cr", "2026x"]
)
def test_what_could_be_a_password_is_masked_everywhere(secret: str) -> None:
    assert not is_common(secret)
    assert Masker([secret]).mask(f"a{secret}b") == f"a{MASK}b"
