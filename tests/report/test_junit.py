"""A run as JUnit: what passed, what failed, and what nobody knows."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from remediate.core.outcome import HostOutcome, Mode, Problem, Report, RunVerdict, Touched
from remediate.report.junit import JunitCase, JunitSuite, junit_document, run_suite

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def host(verdict: RunVerdict, name: str = "web1", **rest: object) -> HostOutcome:
    stated = {"name": name, "address": "192.0.2.1", "seconds": 31.45, "touched": Touched.NO}
    return HostOutcome.model_validate({**stated, "verdict": verdict, "exit_code": verdict.exit_code, **rest})


def report(*hosts: HostOutcome, playbook: str = "app-down", mode: Mode = Mode.FIX, **rest: object) -> Report:
    stated: dict[str, object] = {"version": "1", "run": "r", "operator": "ana", "started": AT, "seconds": 40}
    given = {"verdict": None, "exit_code": 2, "touched": Touched.NO, "mode": mode, "playbook": playbook, "hosts": hosts}
    return Report.model_validate({**stated, **given, **rest})


def suite(one: Report) -> ET.Element:
    (found,) = ET.fromstring(junit_document([run_suite(one)]).encode())  # noqa: S314  # it is ours
    return found


@pytest.mark.parametrize("verdict", RunVerdict)
def test_a_host_passes_if_nothing_is_left_to_do(verdict: RunVerdict) -> None:
    found = suite(report(host(verdict, error=Problem(code="locked", message="by ben"))))
    kinds = {RunVerdict.UNREACHABLE: "error", RunVerdict.UNKNOWN: "error", RunVerdict.INTERRUPTED: "error"}
    kind = "" if verdict.exit_code == 0 else kinds.get(verdict, "failure")
    (case,) = found
    assert (case.get("name"), case.get("classname")) == ("web1", "fix.app-down")
    assert [child.tag for child in case] == ([kind] if kind else [])
    assert (found.get("failures"), found.get("errors")) == (str(int(kind == "failure")), str(int(kind == "error")))
    for child in case:
        assert str(child.get("message")).endswith(": locked: by ben")
        assert child.text == "touched: no"


@pytest.mark.parametrize(
    ("playbook", "mode", "name"),
    [
        ("app-down", Mode.FIX, "fix.app-down"),
        ("app-down", Mode.PLAN, "check.app-down"),
        ("do.php-fpm.restart", Mode.PLAN, "do.php-fpm.restart"),
    ],
)
def test_a_suite_is_named_like_its_command(playbook: str, mode: Mode, name: str) -> None:
    found = suite(report(host(RunVerdict.HEALTHY), host(RunVerdict.FIXED, "web2"), playbook=playbook, mode=mode))
    assert (found.get("name"), found.get("tests"), found.get("timestamp")) == (name, "2", "2026-11-23T12:00:00")


def test_a_run_that_came_to_no_host_is_an_error() -> None:
    found = suite(report(error=Problem(code="journal-unwritable", message="the disk is full")))
    assert [(each.tag, each.get("message")) for case in found for each in case] == [("error", "the disk is full")]


def test_it_is_valid_whatever_a_host_says() -> None:
    bad = JunitCase("x\x00", 1, "said \x1b[31m ]]> <&", ("\ud800",))
    assert ET.fromstring(junit_document([JunitSuite("s", AT, 1, (bad,))]).encode()).tag == "testsuites"  # noqa: S314
