"""Log lines that the report quotes: of the culprit, or of everything when no cause is known."""

import pytest

from remediate.core.outcome import (
    Problem,
    RunVerdict,
    Touched,
)
from remediate.core.playbook import Severity
from remediate.core.probe import Fact
from remediate.probes.nginx import ErrorLogEnd, NginxErrorLogs, NginxLog
from remediate.probes.nginx_site import NginxSite
from remediate.probes.systemd import LogLines, Unit, UnitLog
from remediate.report.hints import CommandHints
from remediate.report.lines import verdict_lines
from support import examples as ex
from support.outcomes import outcome_of, seen

UNIT, LOG, OTHER_LOG = Unit(name="php8.2-fpm"), UnitLog(name="php8.2-fpm"), NginxLog()
HINTS = CommandHints("invoke", "app-down", "7f3a", Severity.SEV1)


LINES = tuple(f"line {number}" for number in range(9))


def last_words(unit: Fact, log: Fact = LogLines(lines=LINES)) -> list[str]:  # noqa: B008  # it is frozen
    after = seen({UNIT: unit, LOG: log, OTHER_LOG: NginxErrorLogs(files=(ErrorLogEnd(path="/e.log", lines=LINES),))})
    lines = verdict_lines(outcome_of(RunVerdict.NOT_FIXED, Touched.YES, after=after), HINTS)
    return [line.strip() for line in lines if line.strip().startswith(("last lines", "line "))]


def test_the_culprits_own_log_is_quoted() -> None:
    assert last_words(ex.FAILED) == ["last lines of the log of php8.2-fpm:", *LINES[-6:]]


def test_a_log_that_was_read_twice_is_quoted_once() -> None:
    longer = UnitLog(name="php8.2-fpm", lines=20)
    after = seen({UNIT: ex.FAILED, LOG: LogLines(lines=LINES[-2:]), longer: LogLines(lines=LINES)})
    lines = verdict_lines(outcome_of(RunVerdict.NOT_FIXED, Touched.YES, after=after), HINTS)
    assert [line.strip() for line in lines if "line" in line] == ["last lines of the log of php8.2-fpm:", *LINES[-6:]]


def test_when_nothing_is_known_to_be_ill_every_log_is_quoted_briefly_but_that_of_what_runs() -> None:
    every = ["last lines of the error log of nginx, /e.log:", *LINES[-2:]]
    assert last_words(ex.RUNNING) == every
    assert last_words(ex.RUNNING, ex.NO_LINES) == every


SITE = NginxSite(domain="example.com")
OWN = "/var/log/nginx/example.com-error.log"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            (ErrorLogEnd(path="/var/log/nginx/error.log", lines=LINES), ErrorLogEnd(path=OWN, lines=("line of it",))),
            ["last lines of the error log of nginx,", f"{OWN}:", "line of it"],
        ),
        ((ErrorLogEnd(path=OWN, lines=()),), []),
        ((), ["last lines of the error log of nginx,", f"{OWN}:", f"not read: see `sudo tail -n 20 {OWN}`"]),
    ],
)
def test_of_nginxs_error_logs_the_sites_own_is_quoted(files: tuple[ErrorLogEnd, ...], told: list[str]) -> None:
    served = ex.SITE_SERVED.model_copy(update={"error_logs": (OWN,)})
    before = seen({SITE: served, OTHER_LOG: NginxErrorLogs(files=files)})
    error = Problem(code="unexplained", message="x")
    lines = verdict_lines(outcome_of(RunVerdict.REFUSED, before=before, error=error), HINTS)
    quoted = ("last lines", OWN, "line ", "not read")
    assert [line.strip() for line in lines if line.strip().startswith(quoted)] == told


@pytest.mark.parametrize(("code", "quoted"), [("unexplained", True), ("unstable", True), ("unit-masked", False)])
def test_a_host_that_was_not_changed_is_quoted_only_where_no_guard_knew_why(code: str, quoted: bool) -> None:
    before = seen({LOG: LogLines(lines=LINES)})
    lines = verdict_lines(outcome_of(RunVerdict.REFUSED, error=Problem(code=code, message="?"), before=before), HINTS)
    assert any("last lines" in line for line in lines) is quoted
