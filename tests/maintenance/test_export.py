"""The file for node_exporter, read by Prometheus's parser and promtool."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from remediate.errors import ConfigurationError
from remediate.maintenance.export import NotExported, export
from remediate.maintenance.item import Sample
from remediate.maintenance.items.runbook_review import Use
from remediate.maintenance.report import MaintenanceReport
from remediate.maintenance.schedule import Occasion
from remediate.maintenance.settings import MaintenanceSettings
from remediate.maintenance.status import status
from support.toy_maintenance import DAY, HOSTILE, NOW, looked, report, result

PROMTOOL = shutil.which("promtool")
Metrics = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
USES = (
    Use(playbook="app-down", rehearsed=NOW - DAY, current=True, passed=True),
    Use(playbook="cache-down", rehearsed=NOW - DAY, current=False, passed=True),
    Use(playbook="high-load"),
)


def written(path: Path, latest: Sequence[MaintenanceReport], uses: Sequence[Use] = ()) -> Metrics:
    export(path, latest, status(latest, looked(*latest), MaintenanceSettings(), NOW), uses)
    families = text_string_to_metric_families(path.read_text())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for each in families for sample in each.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"remediate_{name}", frozenset(labels.items())


def answers(metrics: Metrics, item: str = "capacity") -> list[float]:
    where = {"occasion": "monthly", "subject": "web1", "item": item}
    return [metrics[key("maintenance_answer", **where, answer=answer)] for answer in ("yes", "no", "unknown")]


@pytest.mark.parametrize(("ok", "states"), [(True, [1, 0, 0]), (False, [0, 1, 0]), (None, [0, 0, 1])])
def test_an_answer_is_one_of_three(tmp_path: Path, *, ok: bool | None, states: list[float]) -> None:
    metrics = written(tmp_path / "a.prom", [report(result(ok))])
    assert answers(metrics) == states
    assert metrics[key("maintenance_reached", occasion="monthly", subject="web1")] == 1


def test_of_a_host_that_was_not_reached_nothing_is_known(tmp_path: Path) -> None:
    metrics = written(tmp_path / "a.prom", [report(error="connection refused")])
    assert answers(metrics) == [0, 0, 1]
    assert metrics[key("maintenance_reached", occasion="monthly", subject="web1")] == 0


def test_when_it_was_looked_at_and_what_is_overdue(tmp_path: Path) -> None:
    late = report(result(True, "queue-health"), occasion=Occasion.DAILY, ago=2 * DAY)
    metrics = written(tmp_path / "a.prom", [late, report(result(True))])
    looked = metrics[key("maintenance_last_look_timestamp_seconds", occasion="daily", subject="web1")]
    assert looked == (NOW - 2 * DAY).timestamp()
    assert metrics[key("maintenance_overdue", occasion="daily", subject="web1")] == 1
    assert metrics[key("maintenance_overdue", occasion="monthly", subject="web1")] == 0
    # What was never done is overdue, and was never looked at.
    assert metrics[key("maintenance_overdue", occasion="quarterly", subject="the team")] == 1
    assert key("maintenance_last_look_timestamp_seconds", occasion="quarterly", subject="the team") not in metrics


def test_when_a_disk_is_full_stands_there_where_it_is_foreseen(tmp_path: Path) -> None:
    full = (Sample(name="/srv full at", value=1_800_000_000), Sample(name="/ inodes full at", value=1_900_000_000))
    metrics = written(tmp_path / "a.prom", [report(result(False, samples=(*full, Sample(name="/srv", value=80))))])
    name = "capacity_full_timestamp_seconds"
    found = {where: value for (metric, where), value in metrics.items() if metric == f"remediate_{name}"}
    assert found == {
        key(name, subject="web1", filesystem="/srv", resource="bytes")[1]: 1_800_000_000,
        key(name, subject="web1", filesystem="/", resource="inodes")[1]: 1_900_000_000,
    }


def test_a_playbook_has_passed_only_as_it_is_now(tmp_path: Path) -> None:
    metrics = written(tmp_path / "a.prom", [], USES)
    assert [metrics[key("rehearsal_passed", playbook=use.playbook)] for use in USES] == [1, 0, 0]
    assert metrics[key("rehearsal_timestamp_seconds", playbook="app-down")] == (NOW - DAY).timestamp()
    assert key("rehearsal_timestamp_seconds", playbook="high-load") not in metrics


def test_what_a_host_calls_its_things_makes_no_metric_of_its_own(tmp_path: Path) -> None:
    hostile = result(False, samples=(Sample(name=f"{HOSTILE} full at", value=1), Sample(name="x", value=2)))
    metrics = written(tmp_path / "a.prom", [report(hostile)])
    assert key("capacity_full_timestamp_seconds", subject="web1", filesystem=HOSTILE, resource="bytes") in metrics
    assert all(name.startswith("remediate_") for name, _ in metrics)


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool here: apt-get install prometheus brings it")
def test_promtool_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    hostile = result(False, samples=(Sample(name=f"{HOSTILE} full at", value=1),))
    written(tmp_path / "a.prom", [report(hostile), report(error="gone", host="web2")], USES)
    with (tmp_path / "a.prom").open() as text:
        checked = subprocess.run(
            [PROMTOOL, "check", "metrics"], stdin=text, capture_output=True, text=True, timeout=60, check=False
        )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_reader_finds_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    path.write_text("old")
    with path.open() as reader:
        written(path, [report(result(True))])
        assert reader.read() == "old", "it was replaced, not written over"
    assert [each.name for each in tmp_path.iterdir()] == ["a.prom"]


def test_a_file_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotExported, match=r"^/.*/missing/a\.prom cannot be written: No such file or directory$"):
        written(tmp_path / "missing" / "a.prom", [])


def test_without_the_library_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "prometheus_client", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'remediate\[prometheus\]'"):
        written(tmp_path / "a.prom", [])
