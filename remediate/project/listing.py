"""Playbooks as a listing shows them, read from their source without importing them."""

import ast
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Final, NamedTuple

from remediate.core.flags import RUN_NAMES
from remediate.core.source import parse

RESERVED: Final = frozenset({"all"})
"""Names that a playbook cannot have."""


class PlaybookParameter(NamedTuple):
    """A keyword-only parameter of a playbook, read from its source."""

    name: str
    is_switch: bool


class ListedPlaybook(NamedTuple):
    """A playbook in a listing, read from its source without importing it."""

    name: str
    path: Path
    stock: bool
    summary: str
    flags: tuple[PlaybookParameter, ...]
    error: str | None = None
    """The reason why it cannot run, if any. It does not affect the others."""


def list_playbooks(directory: Path, *, stock: bool) -> list[ListedPlaybook]:
    """Return the playbooks of a directory. One that cannot be read is listed with its error."""
    return [_listed(path, stock=stock) for path in sorted(directory.glob("*.py")) if path.name[0] not in "_."]


def _listed(path: Path, *, stock: bool) -> ListedPlaybook:
    name = path.stem.replace("_", "-")
    try:
        tree = parse(path.read_text(), path.name)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        return ListedPlaybook(name, path, stock, "", (), f"cannot be read: {in_one_line(error)}")
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == path.stem), None)
    if function is None:
        return ListedPlaybook(name, path, stock, "", (), f"defines no playbook {path.stem} (@playbook def {path.stem})")
    flags = tuple(
        PlaybookParameter(argument.arg, argument.annotation is not None and ast.unparse(argument.annotation) == "bool")
        for argument in function.args.kwonlyargs
    )
    clash = _clash(name, flags)
    return ListedPlaybook(name, path, stock, ast.get_docstring(function) or "", () if clash else flags, clash)


def _clash(name: str, flags: Sequence[PlaybookParameter]) -> str | None:
    """Return the error about a taken or unusable name, None if all are fine."""
    if name in RESERVED:
        return f"no playbook can be called {name}: rehearse.{name} means every one"
    for flag in flags:
        typed = flag.name.replace("_", "-")
        if typed in RUN_NAMES:
            return f"its parameter {flag.name} would be --{typed}, which every run has: call it something else"
        if not flag.name[0].isalpha():
            return f"its parameter {flag.name} cannot be a flag: it has to begin with a letter"
    return None


def in_one_line(error: BaseException) -> str:
    """Return an error in one line, with its type if the text alone is unclear."""
    words = shorten(" ".join(str(error).split()), 300)
    return words if isinstance(error, OSError | SyntaxError | ValueError) else f"{type(error).__name__}: {words}"
