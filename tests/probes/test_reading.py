"""Units, the machine and pages: Unreadable, never a crash or a guess."""

import pytest

from remediate.core.command import CurlExit, Output
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.http import Site
from remediate.probes.machine import ThisMachine
from remediate.probes.systemd import Unit, full_name
from support import examples as ex
from support.systemd_answers import FPM, UNIT
from support.this_machine import command_of

NO_SUCH_UNIT = """MainPID=0
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
StateChangeTimestamp=
ActiveEnterTimestampMonotonic=0
Job=
InvocationID=
"""
TARGET = """LoadState=loaded
ActiveState=active
SubState=active
UnitFileState=static
StateChangeTimestamp=Mon 2026-11-23 08:29:44 UTC
ActiveEnterTimestampMonotonic=2253915150
Job=
InvocationID=19ee51aad82140238d64e60e8fd26537
"""


def test_a_running_unit() -> None:
    assert UNIT.read(Output(stdout=FPM)) == ex.RUNNING
    assert ex.RUNNING.describe() == "active"
    assert ex.RUNNING.since == 2340.64891


def test_a_unit_that_does_not_exist() -> None:
    state = UNIT.read(Output(stdout=NO_SUCH_UNIT))
    assert state == ex.MISSING
    assert (state.missing, state.ok, state.since, state.describe()) == (True, False, None, "not installed")


def test_a_unit_without_a_process() -> None:
    state = Unit(name="multi-user.target").read(Output(stdout=TARGET))
    assert state.healthy
    assert state.main_pid == 0


def test_a_unit_killed_by_a_signal_and_started_again() -> None:
    text = FPM.replace("ExecMainCode=0", "ExecMainCode=2").replace("ExecMainStatus=0", "ExecMainStatus=9")
    state = UNIT.read(Output(stdout=text.replace("NRestarts=0", "NRestarts=3")))
    assert state.exit == "signal 9"
    assert state.describe() == "active restarted 3 times by systemd"


def test_a_failed_unit_says_since_when_and_how() -> None:
    assert ex.FAILED.describe() == "failed since 08:31:11Z (exit 255)"
    assert ex.START_LIMIT.describe() == "failed since 08:31:11Z (start-limit-hit)"


def test_a_unit_with_a_job_is_not_healthy() -> None:
    state = UNIT.read(Output(stdout=FPM.replace("Job=", "Job=4711 /org/freedesktop/systemd1/job/4711")))
    assert (state.job, state.healthy, state.changing) == (4711, False, True)


@pytest.mark.parametrize(
    "name", ["LoadState", "ActiveState", "SubState", "UnitFileState", "InvocationID", "ActiveEnterTimestampMonotonic"]
)
def test_a_unit_that_is_told_in_part_is_unreadable(name: str) -> None:
    text = "\n".join(line for line in FPM.splitlines() if not line.startswith(f"{name}="))
    with pytest.raises(Unreadable, match=f"did not print {name}"):
        UNIT.read(Output(stdout=text))


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("nginx", "nginx.service"),
        ("php8.2-fpm", "php8.2-fpm.service"),
        ("nginx.service", "nginx.service"),
        ("dev.socket", "dev.socket"),
        ("getty@tty1", "getty@tty1.service"),
    ],
)
def test_a_unit_name_is_completed_as_systemctl_does(name: str, full: str) -> None:
    assert full_name(name) == full


def test_which_machine() -> None:
    text = "f47aed963e2247f2a1335176722861cc\nfe25eade-1546-4c1c-a5ec-3cb523227cce\n2779.75 3883.86\n"
    machine = ThisMachine().read(Output(stdout=text))
    assert machine.machine_id == "f47aed963e2247f2a1335176722861cc"
    assert machine.uptime == 2779.75


@pytest.mark.parametrize("text", ["", "a b", "a b c", "one two 3 4 5"])
def test_half_a_machine_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        ThisMachine().read(Output(stdout=text))


SITE = Site(url="https://example.com/", asked_from=Vantage.HOST, contains="Welcome")


@pytest.mark.parametrize(
    ("output", "ok", "said"),
    [
        (Output(stdout="Welcome", stderr="200 0.012 "), True, "200"),
        (Output(stdout="Sorry", stderr="200 0.012 "), False, "200, but not the right page"),
        (Output(stdout="Welcome", stderr="302 0.012 https://x/login"), False, "302 to https://x/login"),
        (Output(stdout="Welcome", stderr="502 0.012 "), False, "502"),
        (Output(stderr="000 0.001 ", exit=CurlExit.REFUSED), False, "no connection"),
        (Output(stderr="000 10.0 ", exit=CurlExit.TIMEOUT), False, "no answer in time"),
        (Output(stdout="Wel", stderr="200 10.0 ", exit=CurlExit.TIMEOUT), False, "200, then no answer in time"),
        (Output(stderr="000 0.1 ", exit=CurlExit.CERTIFICATE), False, "certificate not valid"),
        (Output(stderr="000 0.1 ", exit=CurlExit.NAME), False, "name not found"),
        (Output(stderr="000 0.1 ", exit=56), False, "broken answer"),
        (Output(stdout="Welcome", stderr="200 0.1 ", exit=CurlExit.WRITE, cut=True), True, "200"),
        (Output(stdout="Welcome", stderr="200 0.1 ", exit=CurlExit.WRITE), False, "200, then broken answer"),
        (Output(stdout="Welcome", stderr="warning: x\n200 0.1 "), True, "200"),
    ],
)
def test_a_page(output: Output, ok: bool, said: str) -> None:
    answer = SITE.read(output)
    assert answer.ok is ok
    assert answer.describe() == said


@pytest.mark.parametrize("stderr", ["", "curl: option --connect-to: is unknown", "abc 0.1 ", "200"])
def test_a_curl_that_says_nothing_is_unreadable(stderr: str) -> None:
    with pytest.raises(Unreadable):
        SITE.read(Output(stderr=stderr, exit=2))


def test_a_page_is_asked_of_the_host_itself() -> None:
    run = command_of(SITE)
    assert run.user is None
    assert run.argv[4:6] == ("443", "--silent")
    assert run.seconds > SITE.seconds


@pytest.mark.parametrize(
    ("probe", "output"),
    [
        (UNIT, Output(stdout=FPM.replace("MainPID=1041", "MainPID=²"))),
        (UNIT, Output(stdout=FPM.replace("MainPID=1041", f"MainPID={'9' * 5000}"))),
        (ThisMachine(), Output(stdout="a b c d")),
        (ThisMachine(), Output(stdout="a b nan 1")),
        (ThisMachine(), Output(stdout="a b inf 1")),
        (SITE, Output(stderr="200 inf ")),
    ],
)
def test_what_only_looks_like_a_number_is_unreadable(probe: Probe[Fact], output: Output) -> None:
    with pytest.raises(Unreadable):
        probe.read(output)
