"""Logs of a service: one JSON object a line on standard error, masked."""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Final

from typing_extensions import override

from remediate.masking.masker import Masker

_OTHERS: Final = ("dbos", "uvicorn", "uvicorn.error", "fastapi")
"""Loggers of libraries. dbos adds a handler of its own unless there is one."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON. An exception is named by its type: its text may quote values."""

    def __init__(self) -> None:
        super().__init__()
        self._masker = Masker()

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
            "level": record.levelname.lower(),
            "from": record.name,
            "message": self._masker.mask(record.getMessage()),
        }
        if record.exc_info and record.exc_info[0] is not None:
            frames = record.exc_info[2]
            while frames is not None and frames.tb_next is not None:
                frames = frames.tb_next
            place = "" if frames is None else f" in {frames.tb_frame.f_code.co_qualname}, line {frames.tb_lineno}"
            line["error"] = f"{record.exc_info[0].__name__}{place}"
        return json.dumps(line)


def log_json() -> None:
    """Log to standard error from now on, also what libraries and dying threads say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger("remediate")
    root.setLevel(logging.INFO)
    for logger in (logging.getLogger(), root, *map(logging.getLogger, _OTHERS)):
        logger.handlers = [handler]
        logger.propagate = False
    threading.excepthook = _thread_died
    for name in _OTHERS[1:]:
        logging.getLogger(name).setLevel(logging.WARNING)


def _thread_died(about: threading.ExceptHookArgs) -> None:
    if about.exc_type is SystemExit:
        return
    what = (about.exc_type, about.exc_value or about.exc_type(), about.exc_traceback)
    logging.getLogger(__name__).error("a thread ended by a bug", exc_info=what)
