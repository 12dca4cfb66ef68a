"""A project's inventories and playbooks. Each playbook loads without importing the others."""

import importlib
import importlib.util
import os
import re
import sys
import tomllib
import traceback
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Self

from remediate.core.database_url import holds_password
from remediate.errors import ConfigurationError, nearest
from remediate.project.listing import ListedPlaybook, in_one_line, list_playbooks

if TYPE_CHECKING:
    from remediate.core.playbook import Playbook


class SshClient(Enum):
    """The SSH implementation that reaches hosts."""

    AUTO = "auto"
    """OpenSSH where it can be used, otherwise Fabric."""
    OPENSSH = "openssh"
    FABRIC = "fabric"


class Project:
    """A directory that is marked as a remediate project, or no directory.

    Without one, only the stock playbooks exist. Playbooks are code. So they are loaded only from a directory whose
    pyproject.toml says so (`[tool.remediate]`), never from any working directory.
    """

    def __init__(self, root: Path | None, *, unread: tuple[str, ...] = ()) -> None:
        self.root = root
        self._unread = unread

    @classmethod
    def find(cls, start: Path) -> Self:
        """Search for the marked directory at `start` and above it.

        An unreadable pyproject.toml does not mark a project. A later error about a missing project names it.
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
        """Search from the working directory upwards. The project may be none.

        Raises ConfigurationError if the working directory cannot be read.
        """
        try:
            return cls.find(Path.cwd())
        except OSError as error:
            why = error.strerror or error
            raise ConfigurationError(
                f"the working directory cannot be read ({why}): change to one that exists"
            ) from error

    def demand_root(self) -> Path:
        """Return the marked directory. Raises ConfigurationError if there is none."""
        if self.root is None:
            raise self._missing("no project here: mark a directory with [tool.remediate] in its pyproject.toml")
        return self.root

    def inventories(self) -> tuple[Path, ...]:
        """Return every inventory in `inventories/`. Raises ConfigurationError if there is none."""
        if self.root is None:
            raise self._missing(
                "no inventory: give --inventory PATH, or mark a project with [tool.remediate] in its pyproject.toml"
            )
        from remediate.inventory.selection import discover

        found = discover(self.root)
        if not found:
            raise ConfigurationError(
                f"no inventory in {self.root / 'inventories'}: give --inventory PATH or add one"
                " (NAME.yml, .yaml, .ini or a name without ending); init --host USER@HOST writes one"
            )
        return found

    def host_names(self) -> tuple[str, ...] | None:
        """Return the host names of all inventories, None if they cannot all be read."""
        from remediate.inventory.selection import Inventory

        try:
            inventory = Inventory.load(self.inventories())
        except ConfigurationError:
            return None
        return None if inventory.unread else inventory.host_names

    def journal(self) -> str | None:
        """Return the journal's URL from this project's pyproject.toml, None if it has none.

        It is also None if the environment's `REMEDIATE_JOURNAL` is set, which takes precedence. A reference
        (`env:NAME`, `file:PATH` or `cmd:COMMAND`) is resolved to the whole URL. Raises ConfigurationError for a value
        that is not text, for a URL with a password, and for a reference that cannot be resolved.
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
        if holds_password(found):
            raise ConfigurationError(f"{path}: journal has a password in it: say where the URL is, as env:NAME")
        return found

    def ssh_client(self) -> SshClient:
        """Return the SSH implementation that this project's pyproject.toml chooses. Raises ConfigurationError."""
        path = None if self.root is None else self.root / "pyproject.toml"
        chosen = SshClient.AUTO.value if path is None else _table(path).get("ssh", SshClient.AUTO.value)
        try:
            return SshClient(chosen)
        except ValueError:
            accepted = ", ".join(each.value for each in SshClient)
            raise ConfigurationError(f"{path}: ssh takes {accepted}") from None

    def image(self) -> str | None:
        """Return the staging image that this project's pyproject.toml names, None for the stock one.

        Raises ConfigurationError.
        """
        path = None if self.root is None else self.root / "pyproject.toml"
        named = None if path is None else _table(path).get("image")
        if named is not None and (not isinstance(named, str) or not re.fullmatch(r"[\w][\w./:@-]{0,254}", named)):
            raise ConfigurationError(f"{path}: image takes the name of a container image, as localhost/shop-staging")
        return named

    def identity(self) -> str:
        """Return the name that marks this project's incidents, triages and messages in a shared database.

        It is `project` in pyproject.toml, if given. Otherwise it depends on the journal. In the user's own journal it
        is the project's path, so that two projects of one name cannot publish each other's incidents. In a configured
        database, which a team shares from checkouts in different places, it is `[project] name`, else the directory's
        name. It is empty without a project. Raises ConfigurationError.
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
        """Return the stock and the project's own playbooks. An own one replaces a stock one of its name."""
        from remediate import playbooks as package

        stock = Path(package.__path__[0])
        listed = {each.name: each for each in list_playbooks(stock, stock=True)}
        own = self.root / "playbooks" if self.root else None
        if own is not None and own.is_dir() and not own.samefile(stock):
            listed |= {each.name: each for each in list_playbooks(own, stock=False)}
        return dict(sorted(listed.items()))

    def load(self, name: str) -> "Playbook":
        """Import one playbook. Raises ConfigurationError if it does not exist or is not a playbook."""
        from remediate.core.playbook import Playbook

        listed = self.playbooks().get(name)
        if listed is None:
            known = self.playbooks()
            raise self._missing(f"no playbook {name!r}; {nearest(name, known)}there are: {', '.join(known)}")
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
        except Exception as error:  # Its annotations are the project's code, and may raise anything.
            raise ConfigurationError(f"{listed.path}: {in_one_line(error)}") from error
        return found

    def usable(self) -> "tuple[tuple[Playbook, ...], tuple[str, ...]]":
        """Import all playbooks that can be imported, and return the errors of the others."""
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
    """Return the unchecked `[tool.remediate.NAME]` of a directory's project, {} without one.

    Raises ConfigurationError for a file that cannot be read. The caller checks the contents.
    """
    return {} if root is None else _table(root / "pyproject.toml").get(name, {})


def settings_table(root: Path) -> Mapping[str, object]:
    """Return the unchecked [tool.remediate] of the project in this directory. Raises ConfigurationError."""
    return _table(root / "pyproject.toml")


def _table(path: Path) -> Mapping[str, object]:
    """Read [tool.remediate]. Raises ConfigurationError."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("remediate", {})
        return {str(key): value for key, value in found.items()}
    except FileNotFoundError:  # A root that was given explicitly need not be marked.
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {in_one_line(error)}") from error


def _package(path: Path) -> str | None:
    """Return the name of the package in a pyproject.toml, None if it has none."""
    with suppress(OSError, ValueError):
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("project")
        name = table.get("name") if isinstance(table, dict) else None
        return name if isinstance(name, str) and name else None
    return None


def _is_marked(pyproject: Path) -> bool:
    """Return whether a project begins here. Raises ConfigurationError if the file cannot be read."""
    try:
        tool = tomllib.loads(pyproject.read_text()).get("tool", {})
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{pyproject} cannot be read: {in_one_line(error)}") from error
    if not isinstance(tool, dict):
        raise ConfigurationError(f"{pyproject} cannot be used: tool is no table, as in [tool.remediate]")
    return "remediate" in tool


def _imported(path: Path) -> object:
    name = f"remediate_project_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    # Values are pickled by the name of their module, so the name has to lead to it.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # The project's code may raise anything.
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        place = f"{path}:{lines[-1]}" if lines else str(path)
        raise ConfigurationError(f"{place}: {in_one_line(error)}") from error
    return module
