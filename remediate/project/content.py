"""A digest of the code that a run executes."""

import hashlib
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.errors import ConfigurationError

_ENGINE: Final = (
    *(
        "engine.apply",
        "engine.conclusion",
        "engine.host_runner",
        "engine.judge",
        "engine.open_host",
        "engine.transitions",
        "engine.unchanged",
        "core.playbook",
        "core.remedy",
        "transport.acted",
        "transport.script",
        "transport.session",
    ),
    *("engine.stability", "engine.surveyor"),
)
_OWN: Final = ("remediate.probes", "remediate.remedies", "remediate.playbooks", "remediate_project_")


def content_digest(*modules: str) -> str:
    """Return a digest of these modules' playbooks, remedies and probes, and of the engine.

    It changes whenever one of their files does. The modules have to be imported already. Raises ConfigurationError for
    one without a file, such as code typed at a prompt, and for a file that cannot be read.
    """
    for module in modules:
        if getattr(sys.modules.get(module), "__file__", None) is None:
            raise ConfigurationError(f"the code of {module} is in no file")
    found = {name for module in modules for name in _closure(module)}
    total = hashlib.sha256()
    for name in sorted({*found, *(f"remediate.{name}" for name in _ENGINE)}):
        for path in _files(importlib.import_module(name)):
            try:
                content = path.read_bytes()
            except OSError as error:
                raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
            total.update(f"{name} {path.name} {len(content)}\n".encode() + content)
    return total.hexdigest()


def _closure(module: str) -> set[str]:
    """Return the modules that make up a playbook, following what each takes from others."""
    found: set[str] = set()
    left = [module]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += {source for value in vars(sys.modules[name]).values() if (source := _part(name, value)) is not None}
    return found


def _part(of: str, value: object) -> str | None:
    """Return the module of a remedy, probe, fact or one of their parts; else None."""
    if isinstance(value, ModuleType):
        # The modules that a package knows depend on what else this process has imported.
        source: object = None if value.__name__.startswith(f"{of}.") else value.__name__
    else:
        source = getattr(value, "__module__", None)
    if not isinstance(source, str) or source not in sys.modules:
        return None
    own = inspect.isclass(value) and issubclass(value, (Remedy, Probe, Fact)) and not source.startswith("remediate.")
    return source if own or source.startswith(_OWN) else None


def _files(module: ModuleType) -> Iterator[Path]:
    file = getattr(module, "__file__", None)
    if file is None:
        return
    path = Path(file)
    # The other files of a package are programs that it sends to the host.
    beside = sorted(each for each in path.parent.iterdir() if each.suffix not in {".py", ".pyc"} and each.is_file())
    yield from (path, *beside) if path.name == "__init__.py" else (path,)
