"""What is read from what PHP answers about a queue, where there is no PHP to ask."""

import json

import pytest

from remediate.command import Output
from remediate.errors import Unreadable
from remediate.probes.queue_motion import QueueLevel, QueueMotion

MOTION = QueueMotion(php="php8.2", path="/srv/app", user="forge")


def said(**answer: object) -> Output:
    return Output(stdout=f"\nremediate:{json.dumps(answer)}\n")


def test_a_queue_of_a_driver_that_keeps_no_jobs() -> None:
    with pytest.raises(Unreadable, match="its driver 'sync' keeps no jobs"):
        MOTION.read(said(state="unsupported", driver="sync"))
    with pytest.raises(Unreadable, match="something else"):
        MOTION.read(said(state="failed", why="no such trouble"))


def test_the_name_of_a_queue_is_safe_to_show() -> None:
    level = QueueLevel(name="a\x1b[31m b\n", before=0, waiting=0, working=0, later=0, taken=True)
    assert level.called == "a b"
