"""The commands of maintenance: the checklist and the four occasions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from remediate.commands.command import Body, Command, program_name
from remediate.core.flags import HOST, INVENTORY, JSON, Flag
from remediate.project.project import Project

if TYPE_CHECKING:
    from remediate.commands.terminal import Terminal


def maintenance_commands(project: Project) -> Iterator[Command]:
    """Yield the commands of maintenance."""
    from remediate.maintenance.schedule import Occasion

    def of(occasion: Occasion) -> Body:
        def body(flags: dict[str, object], terminal: "Terminal") -> int:
            from remediate.commands.maintain import look

            return look(occasion, flags, project, terminal)

        return body

    markdown = Flag("markdown", "write the report as Markdown to this file")
    for occasion in Occasion:
        about = () if occasion is Occasion.QUARTERLY else (HOST, INVENTORY)
        yield Command(occasion.command, _OCCASIONS[occasion.value], (*about, markdown, JSON), of(occasion))

    def status_body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.maintain import tell_status

        return tell_status(flags, project, terminal, program=program_name())

    doc = "Show past maintenance, open findings, and what is due or overdue."
    prometheus = Flag("prometheus", "write the last results to this file (.prom) for node_exporter")
    yield Command("maintain.status", doc, (prometheus, JSON), status_body)


_OCCASIONS: Final = {
    "checklist": "Check that monitoring and alerts are set up, and that they answer (8.1).",
    "daily": "Review the error logs and the queue's health (8.2).",
    "weekly": "Restore the backup to prove it, and list pending security patches (8.2).",
    "monthly": "Forecast when the disks will be full (8.2).",
    "quarterly": "Review the runbook: unrehearsed, failed and unused playbooks (8.2).",
}
