"""Reviewed programs for a host, where one command is not enough.

Each is a reviewed text that never changes from run to run: what differs is handed to it as arguments or on standard
input. So a sudoers rule can name it, a plan can name it, and no value ever becomes part of a program.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

HELPER_VERSION: Final = 1
"""Raised with every change to what a helper holds: a host's helper and its sudoers file are of one version."""
HELPER: Final = f"/opt/remediate/helper-{HELPER_VERSION}"
"""Where a host keeps its helper (remediate.core.helper): below directories that only root can write."""

_COMMENTS: Final = {".php": "//", ".sh": "#", ".sql": "--"}
_PACKAGES: Final = ("remediate.programs", "remediate.probes.php")


@cache
def program_text(package: str, name: str) -> str:
    """Return a program as one line, as `php -r` and `sh -c` take it: a sudoers rule can express no more."""
    text = resources.files(package).joinpath(name).read_text()
    comment = next(mark for suffix, mark in _COMMENTS.items() if name.endswith(suffix))
    include = f"{comment} include "
    included = (
        program_text(package, line.removeprefix(include)) if line.startswith(include) else line
        for line in map(str.strip, text.splitlines())
    )
    lines = (line for line in included if not line.startswith(comment))
    return " ".join(line for line in lines if line).removeprefix("<?php ")


def name_of(word: str) -> str | None:
    """Say which of the programs an argument is, for a person: `edit_env.php`; None when it is none of them."""
    return _names().get(word)


@cache
def _names() -> Mapping[str, str]:
    return {
        program_text(package, each.name): each.name
        for package in _PACKAGES
        for each in resources.files(package).iterdir()
        if each.name.endswith(tuple(_COMMENTS))
    }
