"""Reviewed programs for a host, for questions that one command cannot answer.

The text of a program never changes from run to run: it reads values from its arguments or from standard input. So a
sudoers rule and a plan can name the program, and no value ever becomes part of it.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

HELPER_VERSION: Final = 1
"""The version of the helper's contents. A host's helper and its sudoers file have to be of the same version.

Raise it with every change to what a helper contains.
"""
HELPER: Final = f"/opt/remediate/helper-{HELPER_VERSION}"
"""The path of the helper on a host (remediate.core.helper). Only root can write the directories above it."""

SEVERAL: Final = "several"
"""The helper's verb for brief questions, asked in turn. Its text has the word in the second line."""

_COMMENTS: Final = {".php": "//", ".sh": "#", ".sql": "--"}
_PACKAGES: Final = ("remediate.programs", "remediate.probes.php")


@cache
def program_text(package: str, name: str) -> str:
    """Return a program as one line for `php -r` or `sh -c`. A sudoers rule can express no more."""
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
    """Return the program that an argument holds, by name (`edit_env.php`), None if none."""
    return _names().get(word)


@cache
def _names() -> Mapping[str, str]:
    return {
        program_text(package, each.name): each.name
        for package in _PACKAGES
        for each in resources.files(package).iterdir()
        if each.name.endswith(tuple(_COMMENTS))
    }
