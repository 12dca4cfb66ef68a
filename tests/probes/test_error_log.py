"""PHP's answers about a log, parsed without PHP."""

import json

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.error_log import ErrorGroup, ErrorLog
from support import daily_examples as ex

LOG = ErrorLog(php="php8.2", path="/srv/app", user="forge")


def said(**answer: object) -> Output:
    return Output(stdout=f"\nremediate:{json.dumps(answer)}\n")


@pytest.mark.parametrize(
    ("state", "why", "words"),
    [
        ("elsewhere", "single is a channel of the driver syslog", "to a place that cannot be read: single is a"),
        ("down", "DomainException", "it does not start: DomainException"),
        ("missing", "/srv/app/storage/logs/laravel.log", "there is no /srv/app/storage/logs/laravel.log"),
        ("unreadable", "/srv\x1b[31m/app\n", "forge cannot read /srv/app$"),
        ("ok", "but nothing else", "unexpected answer from PHP"),
        ("new", "what", "unexpected answer from PHP"),
    ],
)
def test_why_a_log_cannot_be_read(state: str, why: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        LOG.read(said(state=state, why=why))


@pytest.mark.parametrize("number", [-1, 2**40, 1.5, "now"])
def test_moments_and_counts_are_held_to_what_they_can_be(number: object) -> None:
    known = {**ex.errors(ex.error(p0=1)).model_dump(mode="json"), "state": "ok"}
    assert LOG.read(said(**known)).groups[0].count(1) == 1
    with pytest.raises(Unreadable):
        LOG.read(said(**{**known, "now": number}))


def test_a_name_is_safe_to_show_and_to_keep() -> None:
    group = ErrorGroup(
        level="ERROR", what="Bad\x1b[2J token: whsec_4711abcdef\n" * 9, place="", counts=(1,), first=0, last=0
    )
    assert group.name.startswith("ERROR Bad token: ********")
    assert len(group.name) <= 180
    assert "whsec" not in group.name
