"""The measuring of a process."""

import os
import sys
from pathlib import Path

from bench.measure import measure, measure_apart

ENV = {"PATH": os.environ["PATH"]}


def test_what_a_process_said_and_how_it_ended(tmp_path: Path) -> None:
    done = measure(("sh", "-c", "sleep 0.2; echo out; echo err >&2; sleep 0.2; exit 3"), ENV, str(tmp_path))
    assert (done.exit_code, done.output) == (3, "out\nerr\n")
    assert done.first is not None
    assert 0.2 <= done.first < done.wall


def test_a_long_output_does_not_stop_it(tmp_path: Path) -> None:
    done = measure((sys.executable, "-c", "print('x' * 1_000_000)"), ENV, str(tmp_path))
    assert len(done.output) == 1_000_001
    assert done.rss > 1000


def test_the_cpu_time_of_its_children_counts(tmp_path: Path) -> None:
    busy = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.5: pass'"
    assert measure(("sh", "-c", f"{busy}; true"), ENV, str(tmp_path)).cpu >= 0.5


def test_a_child_that_it_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    done = measure(("sh", "-c", "sleep 20 & echo here"), ENV, str(tmp_path))
    assert done.output == "here\n"
    assert done.wall < 15


def test_after_its_deadline_it_is_killed(tmp_path: Path) -> None:
    done = measure(("sh", "-c", "echo here; sleep 60"), ENV, str(tmp_path), deadline=0.5)
    assert (done.exit_code, done.output) == (-9, "here\n")
    assert done.wall < 30


def test_the_memory_of_who_measures_does_not_count(tmp_path: Path) -> None:
    held = b"x" * 200_000_000
    done = measure_apart(("sh", "-c", "echo here; exit 3"), ENV, str(tmp_path))
    assert (done.exit_code, done.output) == (3, "here\n")
    assert done.rss * 1024 < len(held) / 4


def test_it_ends_with_who_measures(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    done = measure(("sleep", "60"), ENV, str(tmp_path), guard=reading)
    os.close(reading)
    assert done.exit_code == -9
    assert done.wall < 30
