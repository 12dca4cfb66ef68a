"""The monthly look at a real host with weeks of history and a full disk."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from remediate.maintenance.history import History
from remediate.maintenance.item import Result, Sample
from remediate.maintenance.report import MaintenanceReport
from remediate.maintenance.schedule import Occasion
from remediate.project.project import Project
from support.toy_maintenance import numbers

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

ROOT: Final = Path(__file__).parents[2]
DISK: Final = "/var/log/nginx"
LOG: Final = f"{DISK}/access.log"
DAY: Final = timedelta(days=1)
Course = Callable[[float, int], float]
"""From today's value and how many days ago, what it was then."""


def flat(today: float, _: int) -> float:
    return today


def growing(today: float, ago: int) -> float:
    return today - 0.7 * ago


class Monthly:
    """The monthly look at the staging host, after weeks that were put into its history."""

    def __init__(self, staged: "Staged", cli: "Cli") -> None:
        self.staged = staged
        self.cli = cli
        self.target = ("--host", staged.name, "--inventory", str(staged.inventory))

    def __call__(self, *flags: str) -> tuple[int, Result]:
        ended = self.cli("invoke", "maintain.monthly", *self.target, "--json", *flags)
        report = MaintenanceReport.model_validate_json(ended.out)
        (subject,) = report.subjects
        assert subject.error is None
        (result,) = (each for each in subject.results if each.item == "capacity")
        assert ended.code == report.exit_code
        return ended.code, result

    def history(self) -> History:
        url = f"sqlite:///{self.cli.home}/state/journal.sqlite3"
        return History.open(url, project=Project(ROOT).identity())

    def lived(self, days: int, courses: Mapping[str, Course]) -> None:
        """Say that it was looked at every day; what has no course stayed as it is today."""
        _, now = self()
        today = {sample.name: sample.value for sample in now.samples if sample.unit == "%"}
        with self.history() as history:
            for ago in range(days, 0, -1):
                measured = [
                    Sample(name=name, value=courses.get(name, flat)(value, ago)) for name, value in today.items()
                ]
                history.keep(numbers(self.staged.name, datetime.now(UTC) - ago * DAY, *measured))

    def fill(self, percent: int) -> None:
        """Fill the disk of the web server's logs up to there, really."""
        self.staged.sh(
            f"number() {{ df --block-size=1 --output=$1 {DISK} | tail -1; }}; "
            f"head -c $(($(number size) * {percent} / 100 - $(number used))) /dev/zero >> {LOG}"
        )


@pytest.fixture
def monthly(staged: "Staged", cli: "Cli") -> Iterator[Monthly]:
    staged.sh(f"truncate -s 0 {LOG}")
    yield Monthly(staged, cli)
    staged.sh(f"truncate -s 0 {LOG}")


def test_the_first_look_cannot_know_and_says_what_is_missing(monthly: Monthly) -> None:
    code, found = monthly()
    assert (code, found.ok) == (5, None)
    assert "measured on 1 day of 1, and it takes 5 over 7 days" in found.summary
    assert {"/", DISK} <= {sample.name for sample in found.samples}


def test_a_disk_with_room_for_months_is_a_yes(monthly: Monthly) -> None:
    monthly.lived(42, {DISK: lambda today, ago: today - ago / 100})
    code, found = monthly()
    assert (code, found.ok) == (0, True), found
    assert found.summary.startswith("no local file system reaches 95 % within 60 days")


def test_a_disk_that_filled_up_over_weeks_is_a_no_with_a_day_and_a_plot(monthly: Monthly, tmp_path: Path) -> None:
    monthly.fill(74)
    monthly.lived(42, {DISK: growing})
    document = tmp_path / "monthly.md"
    code, found = monthly("--markdown", str(document))
    assert (code, found.ok) == (5, False), found
    # (95 - 74) / 0.7 is thirty days; what the host writes meanwhile is nothing against that.
    expected = [(datetime.now(UTC) + timedelta(days=days)).date().isoformat() for days in (28, 29, 30, 31)]
    assert found.summary.startswith(f"{DISK} reaches 95 % about ")
    assert any(day in found.summary for day in expected), found.summary
    assert found.plot[0] == DISK
    assert "\n".join(found.plot) in document.read_text()
    assert any(f"du -xh --max-depth=2 {DISK} " in line for line in found.advice)


def test_a_cleanup_of_yesterday_does_not_make_it_well(monthly: Monthly) -> None:
    monthly.lived(42, {DISK: lambda today, ago: 90 - 0.7 * ago if ago > 1 else today})
    code, found = monthly()
    assert (code, found.ok) == (5, None), found
    assert "since room was made on" in found.summary


def test_a_disk_that_is_full_is_a_no_at_once(monthly: Monthly) -> None:
    monthly.fill(97)
    code, found = monthly()
    assert (code, found.ok) == (5, False)
    assert found.summary.startswith(f"{DISK} is full: 97")
    # No container may mount a file system with few inodes; that they are counted is seen all the same.
    assert f"{DISK} inodes" in {sample.name for sample in found.samples}


def test_a_look_about_something_else_keeps_how_full_the_disks_are(monthly: Monthly) -> None:
    monthly.fill(40)
    monthly.cli("invoke", "maintain.daily", *monthly.target, "--json")
    with monthly.history() as history:
        kept = history.past(Occasion.MONTHLY, monthly.staged.name, "capacity", since=datetime.now(UTC) - DAY)
    assert len(kept.samples["/"]) == 1
    assert kept.samples[DISK][0].value == pytest.approx(40, abs=1)


def test_results_of_a_real_host_reach_prometheus(monthly: Monthly, tmp_path: Path) -> None:
    monthly.fill(74)
    monthly.lived(42, {DISK: growing})
    monthly()
    path = tmp_path / "remediate.prom"
    assert monthly.cli("invoke", "maintain.status", "--prometheus", str(path)).code == 0
    text = path.read_text()
    name = monthly.staged.name
    assert f'answer="no",item="capacity",occasion="monthly",subject="{name}"}} 1.0' in text
    assert f'full_timestamp_seconds{{filesystem="{DISK}",resource="bytes",subject="{name}"}} 1.' in text


def test_the_line_of_the_documented_crontab_runs_as_printed(monthly: Monthly, tmp_path: Path) -> None:
    page = (ROOT / "docs/maintenance.md").read_text()
    (line,) = (each for each in page.splitlines() if "maintain.monthly --host prod >" in each)
    project, state = tmp_path / "our-project", tmp_path / "crons-state"
    (project / ".venv/bin").mkdir(parents=True)
    state.mkdir()
    (project / "pyproject.toml").write_text("[tool.remediate]\n")
    (project / "inventories").symlink_to(monthly.staged.inventory.parent)
    (project / ".venv/bin/remediate").symlink_to(ROOT / ".venv/bin/remediate")
    command = (
        line.split(maxsplit=5)[5].replace("/srv/our-project", str(project)).replace("/var/lib/remediate", str(state))
    )
    ended = subprocess.run(
        ("/bin/sh", "-c", command.replace("--host prod", f"--host {monthly.staged.name}")),
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "REMEDIATE_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "cannot know when it will be full" in " ".join(ended.stdout.split()), ended
    assert ended.stdout == (state / "monthly.txt").read_text()
