"""docs/first-remedy.md as a project: its files, and the commands that its reader types."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from support.command_line import BIN
from support.doc_pages import ROOT

PAGE: Final = (ROOT / "docs/first-remedy.md").read_text()
FILES: Final = dict(re.findall(r"^`([\w./]+)`:\n\n```[a-z]+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


class Typed(NamedTuple):
    """A command of the page, and the lines that it shows of what is printed."""

    words: list[str]
    shown: list[str]


def commands() -> list[Typed]:
    typed = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *shown = part.splitlines()
            typed.append(Typed(shlex.split(line), shown))
    return typed


def write(root: Path) -> Path:
    """Write the files of the page, as its reader does."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return root


def carry_out(project: Path, *words: str, code: int = 0, timeout: float = 300) -> str:
    """Type a command in the project, and return what it prints on both streams."""
    environment = {**os.environ, "REMEDIATE_STATE_DIR": str(project / "state"), "MYPYPATH": "playbooks"}
    environment.pop("PYTEST_ADDOPTS", None)  # The options are for the tests that run this one.
    done = subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr
