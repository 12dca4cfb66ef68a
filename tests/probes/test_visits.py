"""The last visit of a monitor, looked for by a real shell in real files."""

import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.visits import READ_BYTES, LastVisit, MonitorVisits

NOW = datetime.now(UTC)


def line(minutes: float, agent: str = "UptimeRobot/2.0", *, zone: int = 0, status: int = 200, path: str = "/") -> str:
    at = (NOW - timedelta(minutes=minutes)).astimezone(UTC) + timedelta(hours=zone)
    return f'192.0.2.7 - - [{at:%d/%b/%Y:%H:%M:%S} +{zone:02d}00] "GET {path} HTTP/2.0" {status} 512 "-" "{agent}"\n'


def ago(minutes: float) -> datetime:
    return (NOW - timedelta(minutes=minutes)).replace(microsecond=0)


def look(log: Path, agent: str = "UptimeRobot") -> LastVisit:
    probe = MonitorVisits(log=str(log), agent=agent)
    done = subprocess.run(probe.command().argv, capture_output=True, text=True, check=False, timeout=30)
    return probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_the_last_visit_counts(log: Path) -> None:
    log.write_text(line(90) + line(5, zone=2, status=503) + line(1, "curl/8"))
    found = look(log)
    assert found.visited == ago(5)
    assert (found.status, found.whole) == (503, True)
    assert abs(found.looked.timestamp() - time.time()) < 30


@pytest.mark.parametrize(
    "other",
    [
        line(1, "curl/8", path="/UptimeRobot"),
        line(1, "curl/8").replace('"-"', '"https://example.com/UptimeRobot"'),
        line(1, "uptimerobot"),
        "UptimeRobot\n",
    ],
    ids=("path", "referer", "case", "bare"),
)
def test_who_only_speaks_of_it_is_no_visitor(log: Path, other: str) -> None:
    log.write_text(line(30) + other)
    assert look(log).visited == ago(30)


@pytest.mark.parametrize("more", [' "192.0.2.9"', ' "192.0.2.9" 0.004 "UptimeRobot"', " 0.004"])
def test_what_is_added_after_the_agent_is_not_the_agent(log: Path, more: str) -> None:
    """As nginx.org's packages write it: `main` ends in "$http_user_agent" "$http_x_forwarded_for"."""
    visited, other = (line(at, agent).removesuffix("\n") + f"{more}\n" for at, agent in ((7, "UptimeRobot"), (1, "x")))
    log.write_text(visited + other)
    assert look(log).visited == ago(7)


def test_how_far_back_it_was_looked(log: Path) -> None:
    log.write_text(line(40, "curl/8") + line(1, "curl/8"))
    assert look(log).earliest == ago(40)
    Path(f"{log}.1").write_text("cut\n" + line(90, "curl/8"))
    assert look(log).earliest == ago(90)


def test_an_empty_log_reaches_back_to_nothing(log: Path) -> None:
    log.write_text("")
    found = look(log)
    assert (found.visited, found.earliest, found.reach) == (None, None, None)


def test_a_log_that_was_rotated_a_moment_ago(log: Path) -> None:
    log.write_text("")
    Path(f"{log}.1").write_text(line(9))
    assert look(log).visited == ago(9)


def test_no_visit(log: Path) -> None:
    log.write_text(line(1, "curl/8"))
    found = look(log)
    assert (found.visited, found.whole) == (None, True)


def test_a_log_that_is_not_read_whole_says_so(log: Path) -> None:
    with log.open("w") as file:
        file.write(line(3))
        file.write(line(1, "curl/8") * (READ_BYTES // 80))
    found = look(log)
    assert (found.visited, found.whole) == (None, False)


def test_a_name_is_no_pattern_and_no_option(log: Path) -> None:
    log.write_text(line(5, "A.B+C/1.0") + line(1, "AxBBC/1.0"))
    assert look(log, "A.B+C").visited == ago(5)
    assert look(log, "-v x").visited is None


@pytest.mark.parametrize(
    "text",
    [
        'UptimeRobot "a" "UptimeRobot"\n',
        re.sub("/[A-Z][a-z]{2}/", "/Xyz/", line(1)),
        line(1).replace(" 200 ", " "),
        line(1).replace(' "-"', ""),
        line(1).replace(" 512 ", ' "0.1" '),
        '{"time": "x", "agent": "UptimeRobot", "status": 200}\n',
    ],
    ids=("quotes", "month", "status", "referer", "size", "json"),
)
def test_another_format_is_unreadable(log: Path, text: str) -> None:
    log.write_text(text)
    with pytest.raises(Unreadable, match="not in the combined format"):
        look(log)


def test_a_log_that_is_not_there_is_unreadable(log: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        look(log)


def test_a_directory_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        look(tmp_path)
