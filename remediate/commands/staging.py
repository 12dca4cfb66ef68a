"""staging.*: a real host in a container, for rehearsals."""

import subprocess

from remediate.commands.given import Flags, text_of
from remediate.commands.privileges import script_of
from remediate.commands.terminal import Terminal
from remediate.core.host import Host
from remediate.engine.fleet import select
from remediate.errors import ConfigurationError, nearest
from remediate.project.project import Project
from remediate.rehearsal.faults import Fault
from remediate.rehearsal.placement import DEFAULT_NAME
from remediate.rehearsal.staging import down, find, up


def bring_up(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Build missing images, boot the host, and write its inventory."""
    root = project.demand_root()
    inventory = root / "inventories"

    def installation(name: str) -> str:
        (host,) = select(name, inventory / f"{name}.yml")
        return script_of(host, project)

    host = up(
        _name(flags),
        directory=root / ".staging",
        inventory=inventory,
        installation=installation,
        image=text_of(flags, "image") or project.image(),
        fresh=bool(flags.get("fresh")),
        progress=terminal.progress,
    )
    terminal.say(f"{host.name} is up: https on 127.0.0.1:{host.ports.https}, ssh on 127.0.0.1:{host.ports.ssh}")
    return 0


def take_down(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Remove one staging host, or all of this checkout."""
    removed = down(
        text_of(flags, "name"),
        directory=project.demand_root() / ".staging",
        images=bool(flags.get("images")),
        progress=terminal.progress,
    )
    terminal.say(f"removed: {', '.join(removed)}" if removed else "nothing to remove")
    return 0


def open_shell(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Open a root shell on the host, through the engine."""
    host = find(_name(flags), directory=project.demand_root() / ".staging")
    if not terminal.interactive:
        raise ConfigurationError("staging.shell needs a terminal")
    return subprocess.run(host.shell_argv, check=False).returncode


def break_it(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Inject a fault into the staging host, through the engine."""
    host = find(_name(flags), directory=project.demand_root() / ".staging")
    (described,) = select(host.name, host.placement.group_file)
    known = declared_faults(described, project)
    wanted = [name.strip() for name in (text_of(flags, "fault") or "").split(",") if name.strip()]
    strange = next((name for name in wanted if name not in known), None)
    if strange is not None or not wanted:
        what = "--fault is missing" if strange is None else f"no fault {strange!r}"
        meant = "" if strange is None else nearest(strange, known)
        raise ConfigurationError(f"{what}; {meant}one or more, separated by commas, of: {', '.join(known)}")
    for name in wanted:
        known[name].inject(host)
        terminal.say(f"{host.name} is broken: {known[name].describe()}")
    return 0


def declared_faults(host: Host, project: Project) -> dict[str, Fault]:
    """Return the faults of every playbook's cases on this host, by name."""
    cases = (case for name in project.playbooks() for case in project.load(name).cases(host))
    return {case.name: case.fault for case in cases}


def _name(flags: Flags) -> str:
    return text_of(flags, "name") or DEFAULT_NAME
