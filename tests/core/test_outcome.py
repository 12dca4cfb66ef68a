"""Values of every report, and the exit codes that scripts depend on."""

import json
import pickle
from datetime import UTC, datetime
from itertools import combinations_with_replacement

import pytest

from remediate.core.facts import Facts
from remediate.core.outcome import (
    CommandRecord,
    HostOutcome,
    Mode,
    Problem,
    Reading,
    Report,
    RunVerdict,
    StepOutcome,
    Touched,
    overall,
    readings,
    touched,
)
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision
from remediate.errors import Unreadable
from remediate.probes.http import Site
from remediate.probes.systemd import Unit
from support import examples as ex

SITE, UNIT = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER), Unit(name="nginx")


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("healthy", 0),
        ("fixed", 0),
        ("refused", 3),
        ("unreachable", 4),
        ("not_fixed", 5),
        ("mixed", 6),
        ("unknown", 7),
        ("pending", 10),
        ("interrupted", 130),
    ],
)
def test_the_exit_codes_are_part_of_the_contract(verdict: str, code: int) -> None:
    assert RunVerdict(verdict).exit_code == code


def host(verdict: RunVerdict, state: Touched = Touched.NO) -> HostOutcome:
    return HostOutcome(
        name="web1", address="192.0.2.1", verdict=verdict, exit_code=verdict.exit_code, touched=state, seconds=1.0
    )


@pytest.mark.parametrize(
    "pair", list(combinations_with_replacement([each for each in RunVerdict if each is not RunVerdict.MIXED], 2))
)
def test_what_two_hosts_come_to(pair: tuple[RunVerdict, RunVerdict]) -> None:
    together = overall(map(host, pair))
    if RunVerdict.INTERRUPTED in pair:
        assert together is RunVerdict.INTERRUPTED
    elif set(pair) <= {RunVerdict.HEALTHY, RunVerdict.FIXED}:
        assert together.exit_code == 0
    elif len(set(pair)) == 1:
        assert together is pair[0]
    else:
        assert together is RunVerdict.MIXED


def test_not_knowing_about_one_host_outweighs_the_rest() -> None:
    fixed, healthy = host(RunVerdict.FIXED, Touched.YES), host(RunVerdict.HEALTHY)
    unknown = host(RunVerdict.UNKNOWN, Touched.UNKNOWN)
    assert touched([healthy, healthy]) is Touched.NO
    assert touched([healthy, fixed]) is Touched.YES
    assert touched([unknown, fixed, healthy]) is Touched.UNKNOWN
    assert touched([]) is Touched.NO


def test_a_reading_says_what_was_asked_and_answered() -> None:
    bad, unknown = readings(Facts({UNIT: ex.FAILED, SITE: Unreadable("no network")}))
    assert (bad.probe, bad.label, bad.ok, bad.note) == ("systemd.unit", "nginx", False, ex.FAILED.describe())
    assert bad.params == {"name": "nginx"}
    assert (unknown.ok, unknown.value, unknown.note) == (None, None, "unknown: no network")
    assert unknown.vantage is Vantage.CONTROLLER


def test_a_report_survives_json_and_pickle() -> None:
    step = StepOutcome(
        remedy="php-fpm.restart",
        title="php8.2-fpm",
        params={"php": "php8.2"},
        decision=Decision.PROCEED,
        why="it is down",
        commands=(CommandRecord(argv=("/usr/bin/systemctl", "restart", "it's"), user="root", exit=0, seconds=0.5),),
    )
    outcome = host(RunVerdict.NOT_FIXED, Touched.YES).model_copy(
        update={
            "error": Problem(code="not-verified", message="still down"),
            "before": (Reading.of(UNIT, ex.FAILED), Reading.of(SITE, ex.page(502))),
            "steps": (step,),
        }
    )
    report = Report(
        version="0.1.0",
        run="0198f3a0-0000-7000-8000-000000000000",
        mode=Mode.FIX,
        playbook="app-down",
        operator="ana",
        started=datetime(2026, 11, 23, 2, 58, 4, tzinfo=UTC),
        seconds=32.4,
        verdict=RunVerdict.NOT_FIXED,
        exit_code=5,
        touched=Touched.YES,
        hosts=(outcome,),
    )
    text = report.model_dump_json(by_alias=True)
    assert Report.model_validate_json(text) == report
    assert pickle.loads(pickle.dumps(report)) == report  # noqa: S301  # our own bytes
    document = json.loads(text)
    assert document["schema"] == "remediate.report/1"
    assert document["started"] == "2026-11-23T02:58:04Z"
    assert document["hosts"][0]["steps"][0]["decision"] == "proceed"
