"""Retries failed tasks after growing delays, so that one failure does not block the others."""

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from remediate.errors import JournalError, RemediateError

WAITS: Final = (5, 10, 20, 40, 60, 120, 240)
"""Seconds before each further try of what failed or could not be found out."""
_T = TypeVar("_T")
_LOG: Final = logging.getLogger(__name__)


def why_failed(failed: str, task: Callable[[], object]) -> str | None:
    """Do something, and return why it failed, None if it did not. `failed` says in the log what is not done then."""
    try:
        task()
    except Exception as error:  # noqa: BLE001  # The caller must survive any error, because it tries again.
        return logged(failed, error)
    return None


def logged(failed: str, error: Exception) -> str:
    """Log an error, and return its reason in one line. Messages that are not ours may quote values."""
    why = str(error) if isinstance(error, RemediateError) else type(error).__name__
    expected = isinstance(error, (RemediateError, SQLAlchemyError))
    _LOG.error("%s: %s", failed, why, exc_info=None if expected else error)
    return why


class Tries:
    """The things that failed, each with the time of its next try."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[int, float]] = {}

    def attempt(self, key: str, task: Callable[[], _T], failed: str) -> _T | None:
        """Do something, and return its result: None if it failed, or failed before and waits for its next try.

        Raises JournalError and SQLAlchemyError: without a database everything else would fail, too.
        """
        failures, again_at = self._failed.get(key, (0, 0.0))
        if failures and time.monotonic() < again_at:
            return None
        try:
            done = task()
        except (JournalError, SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001  # A bug in one task must not stop the others.
            wait = WAITS[min(failures, len(WAITS) - 1)]
            self._failed[key] = failures + 1, time.monotonic() + wait
            logged(f"{failed}; it is tried again in {wait} s", error)
            return None
        self._failed.pop(key, None)
        return done
