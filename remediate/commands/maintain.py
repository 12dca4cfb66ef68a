"""prevent.checklist and maintain.*: look, report and store; the exit code summarises the answers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from remediate.commands.given import Flags, file_of, inventory_of, target_of
from remediate.commands.terminal import Terminal
from remediate.core.host import Host
from remediate.core.outcome import RunVerdict
from remediate.errors import ConfigurationError, RemediateError
from remediate.inventory.selection import Inventory
from remediate.maintenance.examine import Examiner
from remediate.maintenance.export import SUFFIX, export
from remediate.maintenance.history import History
from remediate.maintenance.items.runbook_review import RunbookReview, Use
from remediate.maintenance.playbook_usage import uses
from remediate.maintenance.report import TEAM, MaintenanceReport
from remediate.maintenance.schedule import Occasion
from remediate.maintenance.settings import maintenance_settings
from remediate.maintenance.status import is_about_team, status, status_lines
from remediate.maintenance.text import lines, markdown
from remediate.project.project import Project
from remediate.transport.dialing import Connections


class NotWritten(RemediateError):
    """A document could not be written; its content has been shown and stored."""


def look(occasion: Occasion, flags: Flags, project: Project, terminal: Terminal) -> int:
    """Examine all items of an occasion, and return the exit code of the report."""
    try:
        report = _looked(occasion, flags, project, terminal)
    except KeyboardInterrupt:  # nothing was changed, so there is nothing to clean up
        return RunVerdict.INTERRUPTED.exit_code
    return report.exit_code


def _looked(occasion: Occasion, flags: Flags, project: Project, terminal: Terminal) -> MaintenanceReport:
    document = file_of(flags, "markdown")
    settings = maintenance_settings(project.root)
    about_team = is_about_team(occasion)
    inventory = None if about_team else Inventory.load(inventory_of(flags, project), project.root)
    hosts = inventory.select(target_of(flags, inventory), terminal.warn) if inventory else ()
    terminal.hide(*(secret for host in hosts for secret in host.secrets))

    def find(name: str) -> Host:
        if inventory is None or name not in inventory.host_names:
            raise ConfigurationError(f"{name} is no host of the inventory")
        (host,) = inventory.select(name)
        if host.vaulted:
            raise ConfigurationError(
                f"{name}: its inventory holds encrypted values, which the report of another host would show:"
                " write them in the clear"
            )
        return host

    with History.open(project.journal(), project=project.identity()) as history:
        for host in hosts if terminal.interactive else ():  # cron mails all output
            terminal.progress(f"looking at {host.name}")
        connect = Connections((), project.ssh_client())
        examiner = Examiner(history=history, settings=settings, find=find, connect=connect)
        report = examiner.examine(occasion, hosts, _uses(project, history) if about_team else ())
        # Showing and storing are independent: the report is shown first, and stored even if it cannot be shown.
        try:
            _tell(report, flags, document, terminal)
        finally:
            history.keep(report)
    return report


def _tell(report: MaintenanceReport, flags: Flags, document: Path | None, terminal: Terminal) -> None:
    if flags.get("json"):
        terminal.say(report.model_dump_json(by_alias=True))
    else:
        for line in lines(report):
            terminal.say(line)
    if document is not None:
        _write(document, markdown(report))


def _uses(project: Project, history: History) -> Sequence[Use]:
    now = datetime.now(UTC)
    last = history.past(RunbookReview.occasion, TEAM, RunbookReview.name, since=now)
    return uses(project, now=now, since=last.previous_at)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror}") from None


def tell_status(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Show past maintenance, its open answers and what is due. Export it to Prometheus if asked."""
    document = file_of(flags, "prometheus")
    if document is not None and document.suffix != SUFFIX:
        raise ConfigurationError(f"--prometheus: {document.name} has to end in {SUFFIX}, or node_exporter skips it")
    settings = maintenance_settings(project.root)
    now = datetime.now(UTC)
    with History.open(project.journal(), project=project.identity()) as history:
        latest, done = history.latest(), history.done()
        reviewed = () if document is None else _uses(project, history)
    found = status(latest, done, settings, now, hosts=project.host_names())
    if flags.get("json"):
        terminal.say(found.model_dump_json(by_alias=True))
    else:
        for line in status_lines(found, program):
            terminal.say(line)
    if document is not None:
        export(document, latest, found, reviewed)
    return 0
