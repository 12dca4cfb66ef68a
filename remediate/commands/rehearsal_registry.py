"""The staging.* and rehearse.* commands with their flags and functions."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from remediate.commands.command import Body, Command
from remediate.core.flags import HOST, INVENTORY, JSON, JUNIT, NAME, Flag, option
from remediate.project.listing import ListedPlaybook
from remediate.project.project import Project

if TYPE_CHECKING:
    from remediate.commands.terminal import Terminal


def staging_commands(project: Project) -> Sequence[Command]:
    """Return the staging.* commands."""

    def lazily(name: str) -> Body:
        def body(flags: dict[str, object], terminal: "Terminal") -> int:
            from remediate.commands import staging

            command: Callable[[dict[str, object], Project, Terminal], int] = getattr(staging, name)
            return command(flags, project, terminal)

        return body

    up = (
        NAME,
        Flag("image", "use this image instead of building one"),
        Flag("fresh", "replace a healthy one too", bool),
    )
    fault = Flag("fault", "what to break, for example php-fpm-stopped; several separated by commas")
    images = Flag("images", "remove the images as well", bool)
    doc = {
        "up": "Bring up a staging host: a real Laravel host in a container.",
        "down": "Remove one staging host by --name, or all of this project.",
        "shell": "Open a root shell on a staging host.",
        "break": "Break a staging host on purpose.",
    }
    return (
        Command("staging.up", doc["up"], up, lazily("bring_up")),
        Command("staging.down", doc["down"], (NAME, images), lazily("take_down")),
        Command("staging.shell", doc["shell"], (NAME,), lazily("open_shell")),
        Command("staging.break", doc["break"], (NAME, fault), lazily("break_it")),
    )


def rehearsal_commands(project: Project, playbooks: Sequence[ListedPlaybook]) -> Iterator[Command]:
    """Yield the rehearse.* commands: one for each playbook, and one for all."""

    def of(*names: str) -> Body:
        def body(flags: dict[str, object], terminal: "Terminal") -> int:
            from remediate.commands.rehearse import rehearse_playbooks

            return rehearse_playbooks(names, flags, project, terminal)

        return body

    flags = (
        HOST._replace(help="a disposable host of yours instead of containers; needs --yes"),
        INVENTORY,
        option("yes", kind=bool),
        Flag("fault", "only these cases, by name, separated by commas"),
        Flag("pairs", "cases two at a time: none, some (one for each thing that breaks; the default) or all"),
        Flag("containers", "how many hosts to rehearse on at once (default: one more than cores, at most 4)"),
        Flag("image", "boot this image instead of building one"),
        Flag("yardstick", "type the runbook's commands word for word on the same faults and compare", bool),
        JUNIT,
        Flag("markdown", "write a Markdown report to this file"),
        JSON,
    )
    for listed in playbooks:
        yield Command(
            f"rehearse.{listed.name}", f"Break a host on purpose to prove {listed.name}.", flags, of(listed.name)
        )
    every = tuple(listed.name for listed in playbooks)
    yield Command("rehearse.all", "Break a host on purpose to prove every playbook.", flags, of(*every))
