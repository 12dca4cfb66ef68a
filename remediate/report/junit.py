"""JUnit documents for CI systems, of runs and of everything with suites and cases."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from remediate.core.outcome import HostOutcome, Mode, Report, RunVerdict
from remediate.core.verdict import Decision
from remediate.report.lines import HEADLINES

_UNSEEN: Final = frozenset({RunVerdict.UNREACHABLE, RunVerdict.UNKNOWN, RunVerdict.INTERRUPTED})
"""Verdicts about which nothing is known. JUnit calls that an error, not a failure."""


class JunitCase(NamedTuple):
    """One case; without a problem it passed."""

    name: str
    seconds: float
    problem: str = ""
    details: tuple[str, ...] = ()
    is_error: bool = False


class JunitSuite(NamedTuple):
    """The cases of one run."""

    name: str
    started: datetime
    seconds: float
    cases: tuple[JunitCase, ...]


def junit_document(suites: Iterable[JunitSuite]) -> str:
    """Return the document of some suites."""
    root = ET.Element("testsuites")
    for suite in suites:
        bad = [case for case in suite.cases if case.problem]
        errors = sum(1 for case in bad if case.is_error)
        element = ET.SubElement(
            root,
            "testsuite",
            name=suite.name,
            tests=str(len(suite.cases)),
            failures=str(len(bad) - errors),
            errors=str(errors),
            time=f"{suite.seconds:.1f}",
            timestamp=suite.started.strftime("%Y-%m-%dT%H:%M:%S"),
        )
        for case in suite.cases:
            _add(element, suite.name, case)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document.decode() + "\n"


def run_suite(report: Report) -> JunitSuite:
    """Return a run as a suite with a case for each host. A case passes if its host needs nothing more."""
    verb = "" if report.playbook.startswith("do.") else "check." if report.mode is Mode.PLAN else "fix."
    cases = tuple(_host_case(host) for host in report.hosts)
    if not cases and report.error is not None:
        cases = (JunitCase(report.playbook, report.seconds, report.error.message, is_error=True),)
    return JunitSuite(f"{verb}{report.playbook}", report.started, report.seconds, cases)


def _host_case(host: HostOutcome) -> JunitCase:
    if host.exit_code == 0:
        return JunitCase(host.name, host.seconds)
    why = "" if host.error is None else f": {host.error.code}: {host.error.message}"
    steps = (
        f"{step.remedy}: {step.decision.value}{f' [{step.code}]' if step.code else ''}: {step.why}"
        for step in host.steps
        if step.decision is not Decision.SKIP
    )
    details = (f"touched: {host.touched.value}", *steps)
    return JunitCase(host.name, host.seconds, f"{HEADLINES[host.verdict]}{why}", details, host.verdict in _UNSEEN)


def _add(suite: ET.Element, classname: str, case: JunitCase) -> None:
    element = ET.SubElement(suite, "testcase", classname=classname, name=_xml(case.name), time=f"{case.seconds:.1f}")
    if case.problem:
        kind = "error" if case.is_error else "failure"
        problem = ET.SubElement(element, kind, message=_xml(case.problem))
        problem.text = _xml("\n".join(case.details))


def _xml(text: str) -> str:
    return "".join(each if each in "\n\t" or each.isprintable() else "?" for each in text)
