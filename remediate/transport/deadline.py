"""A point in time by which a call has to end."""

import time


class Deadline:
    """A point in time at which something has to be over, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def shorten(self, seconds: float | None) -> None:
        """Move the end to `seconds` from now, if that is earlier."""
        if seconds is not None:
            self._end = min(self._end, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """The seconds until the end. Raises TimeoutError past it."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not over within {self.seconds:g} s")
        return left

    @property
    def over(self) -> bool:
        """True if the end has passed. It is true 5 ms early, since a wait may end just before the clock reaches it."""
        return self._end - time.monotonic() <= 0.005
