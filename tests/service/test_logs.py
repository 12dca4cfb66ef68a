"""The lines of a service's log."""

import json
import subprocess
import sys
from typing import Final

PROGRAM: Final = """
import logging, threading
from remediate.service.logs import log_json
log_json()
logging.getLogger("remediate.service").info("one")
def fail():
    raise ValueError("hunter2")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
try:
    fail()
except ValueError:
    logging.getLogger("asyncio").exception("two")
"""


def test_whatever_is_logged_is_one_object_a_line_without_the_text_of_errors() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["one", "a thread ended by a bug", "two"]
    assert [line.get("error", "").partition(" in ")[0] for line in lines] == ["", "ValueError", "ValueError"]
    assert "hunter2" not in done.stderr
