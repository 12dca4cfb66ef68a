"""The registry of all commands: names, flags and functions, independent of the parser."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from remediate.commands.command import Body, Command, program_name
from remediate.commands.maintenance_registry import maintenance_commands
from remediate.commands.rehearsal_registry import rehearsal_commands, staging_commands
from remediate.commands.service_registry import service_commands
from remediate.core.flags import HOST, INVENTORY, JSON, RUN, VERBOSE, Flag
from remediate.project.listing import ListedPlaybook
from remediate.project.project import Project
from remediate.remedies import catalogue

if TYPE_CHECKING:
    from remediate.commands.terminal import Terminal
    from remediate.core.playbook import Runnable


def commands(project: Project) -> Iterator[Command]:
    """Yield every command of a project."""
    yield from other_commands(project)
    yield from remedy_commands(project)


def other_commands(project: Project) -> Iterator[Command]:
    """Yield every command except those of single remedies."""
    playbooks = list(project.playbooks().values())
    for listed in playbooks:
        yield _playbook(listed, project, plan=False)
        yield _playbook(listed, project, plan=True)
    yield from _runs(project)
    yield from _kill_switch(project)
    yield from staging_commands(project)
    yield from _docs(project)
    yield from _scaffolds(project)
    yield from rehearsal_commands(project, playbooks)
    yield _init(project)
    yield _sudoers(project)
    yield _triage(project)
    yield _alert(project)
    yield _approve(project)
    yield from service_commands(project)
    yield from _incidents(project)
    yield from maintenance_commands(project)


def remedy_commands(project: Project) -> Iterator[Command]:
    """Yield the command of every single remedy. All their modules are read for it."""
    for remedy in catalogue.listed().values():
        if not remedy.is_human:
            yield _remedy(remedy, project)


def _playbook(listed: ListedPlaybook, project: Project, *, plan: bool) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        def load() -> "Runnable":
            parameters = {flag.name: flags[flag.name] for flag in listed.flags if flags[flag.name]}
            return project.load(listed.name).given(parameters)

        return _run(load, {**flags, "plan": plan or flags["plan"]}, project, terminal)

    first, *rest = (listed.summary or listed.name).splitlines() if listed.error is None else (listed.error,)
    look = "Only look: " if plan and listed.error is None else ""
    doc = "\n".join([f"{look}{first}{'' if listed.stock else ' (of this project)'}", *rest])
    own = [Flag(flag.name.replace("_", "-"), "", bool if flag.is_switch else str) for flag in listed.flags]
    return Command(f"{'check' if plan else 'fix'}.{listed.name}", doc, (*RUN, *own), body)


def _remedy(listed: catalogue.ListedRemedy, project: Project) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.project.secret_refs import resolve

        def load() -> "Runnable":
            from remediate.remedies.single import SingleRemedy

            return SingleRemedy(listed.load(), tuple(given.items()))

        given = {name: flags[name] for name in listed.simple if flags.get(name) is not None}
        for name in listed.secret:
            given[name] = resolve(flags.get(f"{name}_from"), f"--{name}-from", sys.stdin)
        return _run(load, flags, project, terminal)

    own = [
        *(Flag(name.replace("_", "-"), meaning) for name, meaning in listed.simple.items()),
        # A secret is never a flag's value: it would show in the process list and in the shell's history.
        *(Flag(f"{name.replace('_', '-')}-from", meaning) for name, meaning in listed.secret.items()),
    ]
    return Command(f"do.{listed.kind}", listed.doc, (*RUN, *own), body)


def _run(load: "Callable[[], Runnable]", flags: dict[str, object], project: Project, terminal: "Terminal") -> int:
    from remediate.commands.given import beginning

    with beginning(flags, project, terminal) as begun:
        # Import this while the connections are being opened. Wrong flags have been reported before, at less cost.
        from remediate.commands.run import run_from_flags

        return run_from_flags(load(), begun, flags, project, terminal, program=program_name()).exit_code


def _runs(project: Project) -> Sequence[Command]:
    def list_body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.runs import list_runs

        return list_runs(flags, project, terminal, program=program_name())

    def show_body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.runs import show_run

        return show_run(flags, project, terminal, program=program_name())

    def resume_body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.resume import resume_run

        return resume_run(flags, project, terminal, program=program_name())

    return (
        Command("runs.list", "List the newest runs.", (Flag("limit", "how many (default: 20)"),), list_body),
        Command(
            "runs.show",
            "Show one run again: `runs.show ID`, with any unique beginning of the id.",
            (Flag("run", "id of the run", positional=True), VERBOSE, JSON),
            show_body,
        ),
        Command(
            "runs.resume",
            "End a run whose process died, by what its hosts say, and go on with a new run of the same.",
            (Flag("run", "id of the run", positional=True), *(flag for flag in RUN if flag is not HOST)),
            resume_body,
        ),
    )


def _kill_switch(project: Project) -> Sequence[Command]:
    def pause_body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.pause import pause

        return pause(flags, project, terminal, program=program_name())

    def unpause_body(_: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.pause import unpause

        return unpause(project, terminal)

    return (
        Command(
            "pause",
            "Pause everything that changes a host, before its next step. Looking is never paused.",
            (Flag("reason", "why; shown to everyone whose change it refuses"),),
            pause_body,
        ),
        Command("unpause", "End the pause, after showing who began it, when and why.", (), unpause_body),
    )


def _init(project: Project) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.onboarding.init import write_inventory

        return write_inventory(flags, project, terminal, program=program_name())

    flags = (
        HOST._replace(help="one host: [user@]host[:port], or its name in an inventory"),
        INVENTORY,
        Flag("out", "write this file (default: inventories/HOST.yml); an existing one is never overwritten"),
    )
    return Command("init", "Look at a host over SSH, and write its inventory. It only reads.", flags, body)


def _sudoers(project: Project) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.privileges import print_sudoers

        return print_sudoers(flags, project, terminal)

    doc = "Print the sudoers file of a host: exactly the commands that may run there."
    flags = (
        *(HOST, INVENTORY),
        Flag("script", "print the commands that install it, with the helper and the database account", bool),
        Flag("sudo-rs", "leave out what sudo-rs does not take (time limits)", bool),
    )
    return Command("sudoers", doc, flags, body)


def _triage(project: Project) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.triage import triage_hosts

        return triage_hosts(flags, project, terminal, program=program_name())

    flags = (
        HOST,
        INVENTORY,
        JSON,
        Flag("accessible", "is the service accessible? yes, partial or no (else seen from the site)"),
        Flag("data", "is data at risk? yes or no"),
        Flag("revenue", "is revenue impacted? yes, maybe or no"),
        Flag("users", "which users are affected? all, many or few"),
    )
    return Command("triage", "Name the incident, its severity and the next command.", flags, body)


def _alert(project: Project) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.alert import take_alerts

        return take_alerts(flags, project, terminal, program=program_name())

    flags = (
        Flag("source", "the source of the policy that would send it (default: terminal)"),
        Flag("format", "alertmanager, grafana or plain (default: the source's, else what the payload looks like)"),
        Flag("since", "a dry run about recorded alerts instead: 720h, 30m, or a date with a time"),
        INVENTORY,
        JSON,
    )
    return Command("alert", _ALERT, flags, body)


def _approve(project: Project) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.approve import approve

        return approve(flags, project, terminal, program=program_name())

    flags = (
        Flag("hash", "hash of the plan, as --plan printed it; `list` shows the plans that wait", positional=True),
        Flag("key", "SSH key to sign with (default: the first in ~/.ssh); of one in an agent, the public part"),
        Flag("withdraw", "withdraw the plan instead", bool),
        Flag("yes", "do not ask whether the plan is right", bool),
    )
    return Command("approve", _APPROVE, flags, body)


_APPROVE: Final = """Approve one plan that --plan made, with a signature: `approve HASH`.

The project's allowed_signers file names the persons who may. The plan then runs once, with --approved HASH.
"""


def _incidents(project: Project) -> Iterator[Command]:
    from remediate.commands.incident_registry import incident_commands

    yield from incident_commands(project)


_ALERT: Final = """Show what the policy decides about the alerts on standard input, and record them.

Nothing is started: a proposal is shown as the command that a person may run.
"""


def _scaffolds(project: Project) -> Iterator[Command]:
    def of(name: str) -> Body:
        def body(flags: dict[str, object], terminal: "Terminal") -> int:
            from remediate.commands.scaffold import scaffold

            command: Callable[..., int] = getattr(scaffold, name)
            return command(flags, project, terminal, program=program_name())

        return body

    remedy = Flag("name", "its kind: TOOL.VERB, for example gunicorn.restart")
    playbook = Flag("name", "its name, for example web-down")
    yield Command("new.remedy", "Write a remedy with its fault, test and page.", (remedy,), of("new_remedy"))
    yield Command("new.playbook", "Write a playbook with its cases, test and page.", (playbook,), of("new_playbook"))


def _docs(project: Project) -> Sequence[Command]:
    def build_body(_: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.docs.build import build_docs

        return build_docs(project, terminal)

    def runbook_body(_: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.docs.printed import write_runbook

        return write_runbook(project, terminal)

    return (
        Command("docs.build", "Write the pages of playbooks, remedies and commands to docs/.", (), build_body),
        Command("docs.runbook", "Write the whole runbook to docs/ as one document to print.", (), runbook_body),
    )
