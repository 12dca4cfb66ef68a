"""staging.*: a real host in a container, to rehearse on."""

import subprocess
from pathlib import Path

from remediate.commands.mend import Flags
from remediate.commands.privileges import sudoers_of
from remediate.commands.terminal import Terminal
from remediate.errors import ConfigurationError
from remediate.fleet import select
from remediate.project import Project
from remediate.rehearsal.faults import FAULTS
from remediate.rehearsal.placement import DEFAULT_NAME
from remediate.rehearsal.staging import down, find, up


def bring_up(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Build what is missing, boot the host, write its inventory."""
    root = _root(project)
    inventory = root / "inventories"

    def sudoers(name: str) -> str:
        (host,) = select(name, tuple(sorted(inventory.glob("staging*.yml"))))
        return sudoers_of(host, project)

    host = up(
        _name(flags),
        directory=root / ".staging",
        inventory=inventory,
        sudoers=sudoers,
        image=_text(flags, "image"),
        fresh=bool(flags.get("fresh")),
        progress=terminal.progress,
    )
    terminal.say(f"{host.name} is up: https on 127.0.0.1:{host.ports.https}, ssh on 127.0.0.1:{host.ports.ssh}")
    return 0


def take_down(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Remove one staging host, or all of this checkout."""
    removed = down(
        _text(flags, "name"),
        directory=_root(project) / ".staging",
        images=bool(flags.get("images")),
        progress=terminal.progress,
    )
    terminal.say(f"removed: {', '.join(removed)}" if removed else "nothing to remove")
    return 0


def open_shell(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Open a root shell on the host, through the engine."""
    host = find(_name(flags), directory=_root(project) / ".staging")
    if not terminal.interactive:
        raise ConfigurationError("staging.shell needs a terminal")
    return subprocess.run(host.shell_argv, check=False).returncode


def break_it(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Inject a fault into the staging host, through the engine."""
    known = ", ".join(FAULTS)
    wanted = _text(flags, "fault")
    if wanted is None or wanted not in FAULTS:
        raise ConfigurationError(f"--fault takes one of: {known}")
    host = find(_name(flags), directory=_root(project) / ".staging")
    fault = FAULTS[wanted]
    fault.inject(host)
    terminal.say(f"{host.name} is broken: {fault.describe()}")
    return 0


def _root(project: Project) -> Path:
    if project.root is None:
        raise ConfigurationError("no project here: mark a directory with [tool.remediate] in its pyproject.toml")
    return project.root


def _name(flags: Flags) -> str:
    return _text(flags, "name") or DEFAULT_NAME


def _text(flags: Flags, name: str) -> str | None:
    value = flags.get(name)
    return value if isinstance(value, str) else None
