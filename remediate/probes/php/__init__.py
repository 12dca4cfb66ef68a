"""Small PHP programs that a host's own PHP runs for a probe: its FastCGI client, and the application's own view."""

import json
from typing import Any

from remediate.command import Output
from remediate.errors import Unreadable
from remediate.probe import last_line
from remediate.programs import program_text

MARKER = "remediate:"
"""Begins the line of the answer: a framework may print notices of its own around it."""


def program(name: str) -> str:
    """Return a program as one line."""
    return program_text(__name__, f"{name}.php")


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
