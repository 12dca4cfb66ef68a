"""pause and unpause: the kill switch of everything that changes a host."""

from datetime import UTC, datetime

from remediate.commands.given import Flags, text_of
from remediate.commands.terminal import Terminal
from remediate.engine.fleet import operator_name
from remediate.errors import ConfigurationError, JournalError
from remediate.journal.pause import KillSwitch, Pause
from remediate.masking.masker import strip_control
from remediate.project.project import Project
from remediate.project.run_limits import run_limits


def kill_switch(project: Project) -> KillSwitch:
    """Return the kill switch of a project. Raises ConfigurationError."""
    return KillSwitch(run_limits(project.root).pause_file)


def pause(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Pause all changes. A pause that is there already stays as it is."""
    why = " ".join(strip_control(text_of(flags, "reason") or "").split())
    if not why:
        raise ConfigurationError("--reason is missing: whoever is refused by the pause has to know why")
    switch = kill_switch(project)
    if not switch.set(Pause(why, operator_name(), datetime.now(UTC))):
        terminal.say(f"{switch.read()}; that pause stays, and nothing was added to it")
        return 0
    terminal.say(f"{switch.read()}   ({switch.path})")
    terminal.say(f"A step that a run has begun goes on to its end. To end the pause: {program} unpause")
    return 0


def unpause(project: Project, terminal: Terminal) -> int:
    """End the pause, after showing it."""
    switch = kill_switch(project)
    there = switch.read()
    if there is None:
        terminal.say("nothing is paused")
        return 0
    terminal.say(str(there))
    switch.clear()
    if (still := switch.read()) is not None:
        raise JournalError(f"{still}: it has to be mended by hand")
    terminal.say("no longer paused")
    return 0
