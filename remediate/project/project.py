"""A project's inventories and playbooks, each playbook loaded without importing the others."""

import ast
import importlib
import importlib.util
import os
import re
import sys
import tomllib
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from remediate.core.flags import RUN_NAMES
from remediate.errors import ConfigurationError

if TYPE_CHECKING:
    from remediate.core.playbook import Playbook

RESERVED: Final = frozenset({"all"})
"""Names that a playbook cannot have."""


class PlaybookParameter(NamedTuple):
    """A keyword-only parameter of a playbook, read from its source."""

    name: str
    is_switch: bool


class ListedPlaybook(NamedTuple):
    """A playbook as a listing shows it: read from its source, not imported."""

    name: str
    path: Path
    stock: bool
    summary: str
    flags: tuple[PlaybookParameter, ...]
    error: str | None = None
    """Why it cannot be run; the others can."""


class Project:
    """A directory that is marked as a remediate project, or none: then only the stock playbooks exist.

    Playbooks are code, so they are loaded from a directory that says so in its pyproject.toml (`[tool.remediate]`),
    never from whatever directory one happens to stand in.
    """

    def __init__(self, root: Path | None, *, unread: tuple[str, ...] = ()) -> None:
        self.root = root
        self._unread = unread

    @classmethod
    def find(cls, start: Path) -> Self:
        """Look for the marked directory at `start` and above it.

        A pyproject.toml that cannot be read marks nothing, and is named by whatever misses a project afterwards.
        """
        unread: list[str] = []
        for directory in (start, *start.parents):
            try:
                if _is_marked(directory / "pyproject.toml"):
                    return cls(directory)
            except ConfigurationError as error:
                unread.append(str(error))
        return cls(None, unread=tuple(unread))

    @classmethod
    def here(cls) -> Self:
        """Look for it from the working directory upwards. Raises ConfigurationError when there is none."""
        try:
            return cls.find(Path.cwd())
        except OSError as error:
            why = error.strerror or error
            raise ConfigurationError(
                f"the working directory cannot be read ({why}): change to one that exists"
            ) from error

    def demand_root(self) -> Path:
        """Return the marked directory. Raises ConfigurationError when there is none."""
        if self.root is None:
            raise self._missing("no project here: mark a directory with [tool.remediate] in its pyproject.toml")
        return self.root

    def inventories(self) -> tuple[Path, ...]:
        """Return every inventory in `inventories/`. Raises ConfigurationError when there is none."""
        if self.root is None:
            raise self._missing(
                "no inventory: give --inventory PATH, or mark a project with [tool.remediate] in its pyproject.toml"
            )
        from remediate.inventory.selection import discover

        found = discover(self.root)
        if not found:
            raise ConfigurationError(f"no inventory in {self.root / 'inventories'}: give --inventory PATH or add one")
        return found

    def host_names(self) -> tuple[str, ...] | None:
        """Return the names of all hosts of all inventories; None where there is none that can be read."""
        from remediate.inventory.selection import Inventory

        try:
            inventory = Inventory.load(self.inventories())
        except ConfigurationError:
            return None
        return None if inventory.unread else inventory.host_names

    def journal(self) -> str | None:
        """Return the URL of the journal that this project's pyproject.toml names, None where it names none.

        The environment's `REMEDIATE_JOURNAL` comes before it. Raises ConfigurationError for what is no URL, or has a
        password in it: a reference (`env:NAME`, `file:PATH` or `cmd:COMMAND`) says where the whole URL is.
        """
        if self.root is None or os.environ.get("REMEDIATE_JOURNAL"):
            return None
        path = self.root / "pyproject.toml"
        found = _table(path).get("journal")
        if found is None:
            return None
        if not isinstance(found, str):
            raise ConfigurationError(f"{path}: journal takes the URL of a database, as postgresql://db/remediate")
        if found.startswith(("env:", "file:", "cmd:")):
            from remediate.project.secret_refs import resolve

            return resolve(found, f"{path}: journal", sys.stdin).get_secret_value()
        if re.search("://[^/]*:[^/]*@", found):
            raise ConfigurationError(f"{path}: journal has a password in it: say where the URL is, as env:NAME")
        return found

    def identity(self) -> str:
        """Say whose incidents, triages and messages are this project's, in a database that others may use, too.

        What pyproject.toml says as `project`. Else, in the user's own journal, where the project is: two of one name
        must not tell each other's public anything. In a database that is named, which a team shares from checkouts in
        different places, the name: `[project] name`, else that of the directory. Nothing for no project. Raises
        ConfigurationError.
        """
        if self.root is None:
            return ""
        path = self.root / "pyproject.toml"
        own = _table(path)
        named = own.get("project")
        if named is not None:
            if not isinstance(named, str) or not re.fullmatch(r"[\w.-][\w. /-]{0,199}", named):
                raise ConfigurationError(f"{path}: project takes a name, of letters, digits, spaces and ._/-")
            return named
        if own.get("journal") is None and not os.environ.get("REMEDIATE_JOURNAL"):
            return str(self.root.resolve())
        return _package(path) or self.root.resolve().name

    def playbooks(self) -> Mapping[str, ListedPlaybook]:
        """Return the stock playbooks and the project's own, which override stock ones of the same name."""
        from remediate import playbooks as package

        stock = Path(package.__path__[0])
        listed = {each.name: each for each in _listing(stock, stock=True)}
        own = self.root / "playbooks" if self.root else None
        if own is not None and own.is_dir() and not own.samefile(stock):
            listed |= {each.name: each for each in _listing(own, stock=False)}
        return dict(sorted(listed.items()))

    def load(self, name: str) -> "Playbook":
        """Import one playbook. Raises ConfigurationError when it does not exist or is not one."""
        from remediate.core.playbook import Playbook

        listed = self.playbooks().get(name)
        if listed is None:
            raise self._missing(f"no playbook {name!r}; there are: {', '.join(self.playbooks())}")
        if listed.error is not None:
            raise ConfigurationError(f"{listed.path}: {listed.error}")
        attribute = listed.path.stem
        module = importlib.import_module(f"remediate.playbooks.{attribute}") if listed.stock else _imported(listed.path)
        found = getattr(module, attribute, None)
        if not isinstance(found, Playbook):
            raise ConfigurationError(
                f"{listed.path} does not define the playbook {attribute} (@playbook def {attribute})"
            )
        try:
            found.given({})
        except Exception as error:  # its annotations are somebody else's code, too
            raise ConfigurationError(f"{listed.path}: {_said(error)}") from error
        return found

    def usable(self) -> "tuple[tuple[Playbook, ...], tuple[str, ...]]":
        """Import all that can be imported, and say of the others why not: a broken one must not stop the rest."""
        playbooks: list[Playbook] = []
        broken: list[str] = []
        for name in self.playbooks():
            try:
                playbooks.append(self.load(name))
            except ConfigurationError as error:
                broken.append(str(error))
        return tuple(playbooks), tuple(broken)

    def _missing(self, message: str) -> ConfigurationError:
        return ConfigurationError("; ".join((message, *self._unread)))


def section(root: Path | None, name: str) -> object:
    """Return `[tool.remediate.NAME]` of the project in a directory, as it stands there; nothing without one.

    Raises ConfigurationError for a file that cannot be read; what is in it is for whoever asks to check.
    """
    return {} if root is None else _table(root / "pyproject.toml").get(name, {})


def _table(path: Path) -> Mapping[str, object]:
    """Read [tool.remediate]. Raises ConfigurationError."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("remediate", {})
        return {str(key): value for key, value in found.items()}
    except FileNotFoundError:  # a root that was given need not be marked
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {_said(error)}") from error


def _package(path: Path) -> str | None:
    """What the package is called that this file describes; None where it describes none."""
    with suppress(OSError, ValueError):
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("project")
        name = table.get("name") if isinstance(table, dict) else None
        return name if isinstance(name, str) and name else None
    return None


def _is_marked(pyproject: Path) -> bool:
    """Say whether a project begins here. Raises ConfigurationError when the file does not let one know."""
    try:
        tool = tomllib.loads(pyproject.read_text()).get("tool", {})
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{pyproject} cannot be read: {_said(error)}") from error
    if not isinstance(tool, dict):
        raise ConfigurationError(f"{pyproject} cannot be used: tool is no table, as in [tool.remediate]")
    return "remediate" in tool


def _listing(directory: Path, *, stock: bool) -> list[ListedPlaybook]:
    return [_listed(path, stock=stock) for path in sorted(directory.glob("*.py")) if path.name[0] not in "_."]


def _listed(path: Path, *, stock: bool) -> ListedPlaybook:
    name = path.stem.replace("_", "-")
    try:
        tree = ast.parse(path.read_text(), path.name)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        return ListedPlaybook(name, path, stock, "", (), f"cannot be read: {_said(error)}")
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
    """Say which of its names are taken, or cannot be typed."""
    if name in RESERVED:
        return f"no playbook can be called {name}: rehearse.{name} means every one"
    for flag in flags:
        typed = flag.name.replace("_", "-")
        if typed in RUN_NAMES:
            return f"its parameter {flag.name} would be --{typed}, which every run has: call it something else"
        if not flag.name[0].isalpha():
            return f"its parameter {flag.name} cannot be a flag: it has to begin with a letter"
    return None


def _imported(path: Path) -> object:
    name = f"remediate_project_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    # A value is pickled by the name of its module, so that name has to lead back here.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # somebody else's code: anything may come out
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        place = f"{path}:{lines[-1]}" if lines else str(path)
        raise ConfigurationError(f"{place}: {_said(error)}") from error
    return module


def _said(error: BaseException) -> str:
    """Return an error in one line, with its kind where its words alone do not tell."""
    words = shorten(" ".join(str(error).split()), 300)
    return words if isinstance(error, OSError | SyntaxError | ValueError) else f"{type(error).__name__}: {words}"
