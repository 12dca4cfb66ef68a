"""PHP programs that a probe runs with the host's own PHP."""

import json
from typing import Any

from remediate.command import Output, Run
from remediate.errors import Unreadable
from remediate.probe import last_line
from remediate.programs.run import PROBES, run_php

MARKER = "remediate:"
"""Begins the line of the answer: a framework may print notices of its own around it."""


def ask_php(
    php: str,
    name: str,
    *arguments: str,
    user: str,
    seconds: float,
    stdin: str | None = None,
    options: tuple[str, ...] = (),
) -> Run:
    """Return the command that asks one of these programs, as the application's user."""
    return run_php(php, PROBES, name, *arguments, user=user, seconds=seconds, stdin=stdin, options=options)


def answered(label: str, output: Output) -> Any:
    """Return the JSON that a PHP program answered with. Raises Unreadable."""
    for line in output.stdout.splitlines():
        if line.startswith(MARKER):
            try:
                return json.loads(line.removeprefix(MARKER))
            except (ValueError, RecursionError):
                break
    said = last_line(output.stderr if output.stderr.strip() else output.stdout)
    raise Unreadable(f"{label}: PHP ended with {output.exit}: {said}")
