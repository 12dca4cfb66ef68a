"""The words of a template: spans of time, moments, and their descriptions."""

from datetime import timedelta

import pytest

from remediate.incident.settings import IncidentSettings
from remediate.incident.template_context import TemplateContext, moment, spelled
from support.toy_incidents import NOON, SETTINGS


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=20), "less than a minute"),
        (timedelta(seconds=-20), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=45), "45 minutes"),
        (timedelta(minutes=65), "1 hour 5 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(days=2, hours=3, minutes=4), "2 days 3 hours"),
    ],
)
def test_spans(length: timedelta, words: str) -> None:
    assert spelled(length) == words


def test_moments_are_local_beside_utc() -> None:
    assert moment(NOON, SETTINGS, NOON) == "13:00 CET (12:00 UTC)"
    assert moment(NOON, SETTINGS, NOON + timedelta(days=1)) == f"{NOON:%Y-%m-%d} 13:00 CET (12:00 UTC)"
    assert moment(NOON, IncidentSettings(timezone="UTC"), NOON) == "12:00 UTC"
    assert moment(NOON, IncidentSettings(timezone="Europe/London"), NOON) == "12:00 UTC"
    assert moment(NOON, IncidentSettings(timezone="Asia/Dubai"), NOON) == "16:00 +04 (12:00 UTC)"


def test_every_word_of_a_template_is_described() -> None:
    assert all(field.description for field in TemplateContext.model_fields.values())
