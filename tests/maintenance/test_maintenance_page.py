"""docs/maintenance.md: real programs accept its units, timers, crontab, rules and tables."""

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml

from remediate.maintenance.catalogue import DUTIES
from remediate.maintenance.export import export
from remediate.maintenance.item import Sample
from remediate.maintenance.items.runbook_review import Use
from remediate.maintenance.settings import MaintenanceSettings
from remediate.maintenance.status import status
from support.command_box import REMEDIATE
from support.stubs import stub
from support.toy_maintenance import DAY, NOW, looked, report, result

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/maintenance.md").read_text()
BLOCKS: Final = re.findall(r"^```([a-z]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SECONDS: Final = 60


def blocks(kind: str) -> list[str]:
    return [text for each, text in BLOCKS if each == kind]


def needs(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here: apt-get install {package} brings it")
    return found


def ran(
    *argv: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(argv, env=env, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False)


def rows(title: str) -> list[list[str]]:
    table = re.search(rf"^\| {re.escape(title)} \|.*\n\|[-|]+\|\n((?:\|.*\|\n?)+)", PAGE, re.MULTILINE)
    assert table is not None, title
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


# -- units -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units of the page, with what is not on this machine stood in for by what is."""
    for text in blocks("ini"):
        header, _, body = text.partition("\n")
        name = header.removeprefix("# /etc/systemd/system/")
        assert re.fullmatch(r"[a-z@-]+\.(service|timer)", name), header
        here = body.replace("/srv/our-project/.venv/bin/remediate", "/bin/true").replace(
            "User=remediate", "User=daemon"
        )
        (tmp_path / name).write_text(here)
    return tmp_path


def test_systemd_accepts_every_unit(units: Path) -> None:
    analyze = needs("systemd-analyze", "systemd")
    names = sorted(each.name for each in units.iterdir())
    assert len(names) == 9
    for template in ("remediate-maintenance", "remediate-mail"):
        (units / f"{template}@daily.service").symlink_to(f"{template}@.service")
    services = [name.replace("@.", "@daily.") for name in names if name.endswith(".service")]
    timers = [name for name in names if name.endswith(".timer")]
    checked = ran(analyze, "verify", *services, *timers, env={"SYSTEMD_UNIT_PATH": f"{units}:"}, cwd=units)
    ours = [line for line in checked.stderr.splitlines() if "remediate" in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr


def test_systemd_would_have_said_so(units: Path) -> None:
    analyze = needs("systemd-analyze", "systemd")
    broken = units / "remediate-review.service"
    broken.write_text(broken.read_text().replace("Type=oneshot", "Type=once"))
    checked = ran(analyze, "verify", broken.name, env={"SYSTEMD_UNIT_PATH": f"{units}:"}, cwd=units)
    assert re.search("Failed to parse (service type|Type=once)", checked.stderr)  # before systemd 256, and since


def test_every_timer_comes_as_often_as_its_occasion(units: Path) -> None:
    analyze = needs("systemd-analyze", "systemd")
    days = {"daily": (1, 1), "weekly": (7, 7), "monthly": (28, 31), "quarterly": (90, 92), "status": (0, 0)}
    for timer in units.glob("*.timer"):
        (moment,) = re.findall(r"^OnCalendar=(.*)$", timer.read_text(), re.MULTILINE)
        told = ran(analyze, "calendar", "--iterations=3", "--base-time=2026-11-23", moment).stdout
        elapses = re.findall(r"(?:Next elapse|Iter\. #\d|Iteration #\d): \w+ (\S+)", told)
        assert len(elapses) == 3, told
        least, most = days[timer.stem.removeprefix("remediate-")]
        first, second = (yaml.safe_load(each) for each in elapses[:2])
        assert least <= (second - first).days <= most, timer.name


def test_a_timer_makes_up_for_what_was_missed_and_a_unit_has_no_privileges(units: Path) -> None:
    for unit in units.iterdir():
        text = unit.read_text()
        if unit.suffix == ".timer":
            # Of what is written every hour nothing is missed.
            assert ("Persistent=true" in text) is (unit.stem != "remediate-status")
            assert "WantedBy=timers.target" in text
        else:
            assert "User=daemon" in text
            assert "SuccessExitStatus" not in text


@pytest.mark.parametrize(
    ("instance", "report", "mailed"),
    [
        ("daily", "NO\n", "maintenance: daily\nNO\n"),
        ("daily", None, "maintenance: daily\nremediate-maintenance@daily\n"),
        ("quarterly", None, "maintenance: quarterly\nremediate-review\n"),
    ],
)
def test_the_report_of_this_run_is_mailed_and_without_one_what_it_said(
    units: Path, tmp_path: Path, instance: str, report: str | None, mailed: str
) -> None:
    for name in ("remediate-maintenance@", "remediate-review"):
        assert "\nExecStartPre=/bin/rm -f /var/lib/remediate/" in (units / f"{name}.service").read_text()
    for name, text in (("mail", 'echo "$2"; cat'), ("journalctl", 'for each; do :; done; echo "$each"')):
        stub(tmp_path / name, text)
    if report is not None:
        (tmp_path / f"{instance}.md").write_text(report)
    text = (
        (units / "remediate-mail@.service")
        .read_text()
        .replace("\\\n", " ")
        .replace("/var/lib/remediate", str(tmp_path))
    )
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert ran(*shlex.split(command.replace("%i", instance)), env=env).stdout == mailed


# -- cron --------------------------------------------------------------------------------------------------------------


def test_cron_accepts_every_line(tmp_path: Path) -> None:
    crontab = needs("crontab", "cron")
    (text,) = blocks("crontab")
    (tmp_path / "good").write_text(text)
    (tmp_path / "bad").write_text(text.replace("15 6", "75 6"))
    assert ran(crontab, "-n", str(tmp_path / "good")).returncode == 0
    assert ran(crontab, "-n", str(tmp_path / "bad")).returncode == 1


def test_a_line_of_cron_says_nothing_unless_there_is_something_to_say(tmp_path: Path) -> None:
    (text,) = blocks("crontab")
    (line,) = (each for each in text.splitlines() if "maintain.quarterly" in each)
    assert "%" not in text, "cron would take it for the end of the line"
    command = line.split(maxsplit=5)[5]
    project, state = tmp_path / "our-project", tmp_path / "state"
    (project / ".venv/bin").mkdir(parents=True)
    state.mkdir()
    (project / "pyproject.toml").write_text("[tool.remediate]\n")
    (project / ".venv/bin/remediate").symlink_to(REMEDIATE)
    here = command.replace("/srv/our-project", str(project)).replace("/var/lib/remediate", str(state))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "REMEDIATE_STATE_DIR": str(state)}
    # Nothing is rehearsed in a project that was made a moment ago.
    found = ran("/bin/sh", "-c", here, env=environment)
    assert found.stderr == ""
    assert found.stdout.startswith("maintain.quarterly on the team")
    assert "NO    Runbook review" in found.stdout
    (project / ".venv/bin/remediate").unlink()
    (project / ".venv/bin/remediate").symlink_to("/bin/true")
    well = ran("/bin/sh", "-c", here, env=environment)
    assert (well.stdout, well.stderr) == ("", "")


# -- prometheus --------------------------------------------------------------------------------------------------------


def test_prometheus_accepts_the_rules(tmp_path: Path) -> None:
    promtool = needs("promtool", "prometheus")
    (rules,) = blocks("yaml")
    (tmp_path / "rules.yml").write_text(rules)
    checked = ran(promtool, "check", "rules", str(tmp_path / "rules.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "5 rules found" in checked.stdout


def test_the_metrics_are_those_of_the_page(tmp_path: Path) -> None:
    path = tmp_path / "all.prom"
    latest = [report(result(False, samples=(Sample(name="/ full at", value=1),)))]
    uses = (Use(playbook="app-down", rehearsed=NOW - DAY),)
    export(path, latest, status(latest, looked(*latest), MaintenanceSettings(), NOW), uses)
    stated = {name.strip("`"): set(re.findall(r"`(\w+)`", labels)) for name, labels, _ in rows("metric")}
    made = {
        name: set(re.findall(r'(\w+)="', labels))
        for name, labels in re.findall(r"^(\w+)\{(.*)\} ", path.read_text(), re.MULTILINE)
    }
    assert made == stated
    (rules,) = blocks("yaml")
    assert set(re.findall(r"remediate_\w+", rules)) <= stated.keys()


# -- tables and settings -----------------------------------------------------------------------------------------------


def test_every_item_is_told_with_its_command_and_owner() -> None:
    stated = {item.strip("`"): (command.strip("`"), owner) for command, item, _, owner in rows("command")}
    made = {duty.name: (duty.occasion.command, duty.owner) for duty in DUTIES}
    assert {name: stated.get(name) for name in made} == made


def test_the_settings_are_the_fields_of_their_model() -> None:
    assert [name.strip("`") for name, *_ in rows("setting")] == list(MaintenanceSettings.model_fields)
    (example,) = blocks("toml")
    settings = MaintenanceSettings.model_validate(tomllib.loads(example)["tool"]["remediate"]["maintenance"])
    assert settings.owners["capacity"] == "Ana"
