"""A clock that stands until it is told otherwise, and waiting by the real one."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from support.toy_incidents import NOON


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, time: timedelta) -> None:
        self.now += time


def until(what: Callable[[], object]) -> None:
    """Wait until this is true, however busy the machine is. The test's own deadline ends it."""
    while not what():
        time.sleep(0.05)
