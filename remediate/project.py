"""Where a project's inventories and playbooks are, and loading one playbook without importing the others."""

import ast
import importlib
import importlib.util
import sys
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import NamedTuple, Self

from remediate.errors import ConfigurationError
from remediate.inventory import discover
from remediate.playbook import Playbook


class Flag(NamedTuple):
    """A keyword-only parameter of a playbook, read from its source."""

    name: str
    is_switch: bool


class Listed(NamedTuple):
    """A playbook as a listing shows it: read from its source, not imported."""

    name: str
    path: Path
    stock: bool
    summary: str
    flags: tuple[Flag, ...]


class Project:
    """A directory that is marked as a remediate project, or none: then only the stock playbooks exist.

    Playbooks are code, so they are loaded from a directory that says so in its pyproject.toml (`[tool.remediate]`),
    never from whatever directory one happens to stand in.
    """

    def __init__(self, root: Path | None) -> None:
        self.root = root

    @classmethod
    def find(cls, start: Path) -> Self:
        """Look for the marked directory at `start` and above it."""
        for directory in (start, *start.parents):
            if _is_marked(directory / "pyproject.toml"):
                return cls(directory)
        return cls(None)

    def demand_root(self) -> Path:
        """Return the marked directory. Raises ConfigurationError when there is none."""
        if self.root is None:
            raise ConfigurationError("no project here: mark a directory with [tool.remediate] in its pyproject.toml")
        return self.root

    def inventories(self) -> tuple[Path, ...]:
        """Return every inventory in `inventories/`. Raises ConfigurationError when there is none."""
        if self.root is None:
            raise ConfigurationError(
                "no inventory: give --inventory PATH, or mark a project with [tool.remediate] in its pyproject.toml"
            )
        found = discover(self.root)
        if not found:
            raise ConfigurationError(f"no inventory in {self.root / 'inventories'}: give --inventory PATH or add one")
        return found

    def playbooks(self) -> Mapping[str, Listed]:
        """Return the stock playbooks and the project's own, which override stock ones of the same name."""
        stock = Path(str(resources.files("remediate.playbooks")))
        listed = {each.name: each for each in _listing(stock, stock=True)}
        own = self.root / "playbooks" if self.root else None
        if own is not None and own.is_dir() and not own.samefile(stock):
            listed |= {each.name: each for each in _listing(own, stock=False)}
        return dict(sorted(listed.items()))

    def load(self, name: str) -> Playbook:
        """Import one playbook. Raises ConfigurationError when it does not exist or is not one."""
        listed = self.playbooks().get(name)
        if listed is None:
            raise ConfigurationError(f"no playbook {name!r}; there are: {', '.join(self.playbooks())}")
        attribute = listed.path.stem
        module = importlib.import_module(f"remediate.playbooks.{attribute}") if listed.stock else _imported(listed.path)
        found = getattr(module, attribute, None)
        if not isinstance(found, Playbook):
            raise ConfigurationError(
                f"{listed.path} does not define the playbook {attribute} (@playbook def {attribute})"
            )
        return found


def _is_marked(pyproject: Path) -> bool:
    try:
        return "remediate" in tomllib.loads(pyproject.read_text()).get("tool", {})
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return False


def _listing(directory: Path, *, stock: bool) -> list[Listed]:
    return [_listed(path, stock=stock) for path in sorted(directory.glob("*.py")) if not path.name.startswith("_")]


def _listed(path: Path, *, stock: bool) -> Listed:
    name = path.stem.replace("_", "-")
    try:
        tree = ast.parse(path.read_text())
    except (OSError, ValueError, SyntaxError) as error:
        return Listed(name, path, stock, f"cannot be read: {error}", ())
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == path.stem), None)
    if function is None:
        return Listed(name, path, stock, f"defines no playbook {path.stem}", ())
    flags = tuple(
        Flag(argument.arg, argument.annotation is not None and ast.unparse(argument.annotation) == "bool")
        for argument in function.args.kwonlyargs
    )
    return Listed(name, path, stock, ast.get_docstring(function) or "", flags)


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
    except (ImportError, SyntaxError, NameError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path}: {type(error).__name__}: {error}") from error
    return module
