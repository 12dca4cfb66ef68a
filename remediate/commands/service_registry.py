"""The commands of the service: names, flags and functions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from remediate.commands.command import Command
from remediate.core.flags import Flag
from remediate.project.project import Project

if TYPE_CHECKING:
    from remediate.commands.terminal import Terminal


def service_commands(project: Project) -> Sequence[Command]:
    """Return the commands of the service."""

    def serve_body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.serve import serve

        return serve(flags, project, terminal)

    def worker_body(_: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.serve import work

        return work(project, terminal)

    flags = (
        Flag("port", "port to listen on (default: 8787)"),
        Flag("bind", "address to listen on (default: 127.0.0.1)"),
        Flag("behind-tls-proxy", "a proxy with TLS stands in front, so --bind may be another address", bool),
    )
    return (
        Command("serve", "Take alerts over HTTP, and run what the policy decides (experimental).", flags, serve_body),
        Command("worker", "Work on the runs of a service on another machine, over PostgreSQL.", (), worker_body),
    )
