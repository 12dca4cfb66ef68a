"""A clock that stands until it is told otherwise."""

from datetime import datetime, timedelta

from support.toy_incidents import NOON


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, time: timedelta) -> None:
        self.now += time
