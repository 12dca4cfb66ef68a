"""The command line: one tree of tasks for `invoke`, `remediate` and `fab`. The only module that knows Invoke.

Invoke's parser hands over strings; pydantic converts them. Whatever a user can cause ends in one line and the right
exit code, and a remote exit code never becomes ours.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit, ParseError
from invoke.parser.argument import Argument
from invoke.program import Program
from invoke.tasks import Task

from remediate import __version__
from remediate.errors import ConfigurationError, RemediateError
from remediate.options import Options
from remediate.outcome import FAILED_EXIT_CODE, USAGE_EXIT_CODE
from remediate.project import Listed, Project
from remediate.remedies.catalogue import remedies
from remediate.remedy import Remedy

if TYPE_CHECKING:
    from remediate.commands.terminal import Terminal

# Listing and --help import only what names and flags are read from; a command imports the rest when it runs.
Body = Callable[[dict[str, object], "Terminal"], int]


class Flag(NamedTuple):
    """A flag of a command; other names mean the same."""

    name: str
    help: str
    kind: type = str
    others: tuple[str, ...] = ()
    positional: bool = False


def _option(name: str, *others: str, kind: type = str) -> Flag:
    return Flag(name.replace("_", "-"), Options.model_fields[name].description or "", kind, others)


HOST = Flag("host", "hosts: NAME, GROUP or PATTERN of the inventory, separated by commas")
INVENTORY = Flag("inventory", "inventory to read (default: every one in inventories/)")
JSON = Flag("json", "print the report as one JSON document on stdout", bool)
NAME = Flag("name", "name of the staging host (default: staging)")
RUN = (
    HOST,
    INVENTORY,
    _option("plan", "check", "dry-run", kind=bool),
    _option("yes", kind=bool),
    JSON,
    _option("reason"),
    _option("incident"),
    Flag("override", "refusal to override, as CODE=why; may be repeated", list),
    _option("hold"),
    _option("timeout"),
    _option("wait"),
    _option("max_hosts"),
)


class Command(Task[Any]):
    """A task whose flags are declared, not read from a signature: all arrive as text."""

    def __init__(self, name: str, doc: str, flags: Iterable[Flag], body: Body) -> None:
        def call(context: Context, **given: object) -> None:
            _call(name, body, context, given)

        call.__doc__ = doc
        super().__init__(call, name=name.rpartition(".")[2], positional=(), auto_shortflags=False)
        self._flags = tuple(flags)

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: ARG002
        """See Task."""
        return [
            Argument(
                # attr_name is only for names with a dash: with the name itself Argument.name recurses without end.
                names=(flag.name, *flag.others),
                attr_name=flag.name.replace("-", "_") if "-" in flag.name else None,
                kind=flag.kind,
                default=False if flag.kind is bool else [] if flag.kind is list else None,
                help=flag.help,
                positional=flag.positional,
                optional=False,
            )
            for flag in self._flags
        ]


def _call(name: str, body: Body, context: Context, given: dict[str, object]) -> None:
    from remediate.commands.terminal import opened

    with opened() as terminal:
        try:
            _refuse_fakes(
                dry=bool(context.config.run.dry),
                connection=hasattr(context, "original_host"),
                words=sys.argv[1:],
            )
            code = body(given, terminal)
        except RemediateError as error:
            if given.get("json"):
                from remediate.commands.mend import usage_report

                terminal.say(usage_report(name.partition(".")[2] or name, given, str(error)))
            terminal.err.write(f"{program_name()}: {error}\n")
            code = USAGE_EXIT_CODE if isinstance(error, ConfigurationError) else FAILED_EXIT_CODE
    if code:
        raise Exit(code=code)


def _refuse_fakes(*, dry: bool, connection: bool, words: list[str]) -> None:
    """Refuse ways of calling that would not do what they say. Raises ConfigurationError."""
    if dry:
        raise ConfigurationError("--dry answers every command with success, so nothing would be true: use --plan")
    if connection:
        raise ConfigurationError("-H opens connections whose host keys nobody verifies: use --host")
    changing = [word for word in words if word.startswith(("fix.", "do."))]
    if len(changing) > 1:
        raise ConfigurationError(f"one at a time: {' and '.join(changing)} cannot run in one call")


def program_name() -> str:
    """Return the command the person typed: invoke, remediate or fab."""
    name = Path(sys.argv[0]).name
    return name if name in {"invoke", "inv", "fab", "remediate"} else "remediate"


def namespace(root: Path | None = None) -> Collection:
    """Return the whole tree; `root` is the project's directory, else it is looked for from here upwards."""
    project = Project(root) if root is not None else Project.find(Path.cwd())
    playbooks = project.playbooks().values()
    top = Collection(
        _collection("fix", (_playbook(listed, project, plan=False) for listed in playbooks)),
        _collection("check", (_playbook(listed, project, plan=True) for listed in playbooks)),
        _collection("runs", _runs(project)),
        _collection("staging", _staging(project)),
        _collection("docs", [_docs(project)]),
        _collection("rehearse", _rehearsals(project, list(playbooks))),
        _sudoers(project),
        _triage(project),
    )
    do: dict[str, list[Command]] = {}
    for kind, remedy in remedies().items():
        do.setdefault(kind.partition(".")[0], []).append(_remedy(kind, remedy, project))
    tools = Collection("do")
    for tool, commands in do.items():
        tools.add_collection(_collection(tool, commands))
    top.add_collection(tools)
    return top


def _collection(name: str, commands: Iterable[Command]) -> Collection:
    collection = Collection(name)
    for command in commands:
        collection.add_task(command)
    return collection


def _playbook(listed: Listed, project: Project, *, plan: bool) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.mend import mend

        cure = project.load(listed.name).given(
            {flag.name: flags[flag.name] for flag in listed.flags if flags[flag.name]}
        )
        return mend(cure, {**flags, "plan": plan or flags["plan"]}, project, terminal, program=program_name())

    first, *rest = (listed.summary or listed.name).splitlines()
    doc = "\n".join([f"{'Only look: ' if plan else ''}{first}{'' if listed.stock else ' (of this project)'}", *rest])
    own = [Flag(flag.name.replace("_", "-"), "", bool if flag.is_switch else str) for flag in listed.flags]
    return Command(f"{'check' if plan else 'fix'}.{listed.name}", doc, (*RUN, *own), body)


def _remedy(kind: str, remedy: type[Remedy], project: Project) -> Command:
    fields = remedy.simple_fields()

    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.mend import mend
        from remediate.playbook import Single

        given = tuple((name, flags[name]) for name in fields if flags.get(name) is not None)
        return mend(Single(remedy, given), flags, project, terminal, program=program_name())

    own = [Flag(name.replace("_", "-"), meaning) for name, meaning in fields.items()]
    return Command(f"do.{kind}", remedy.__doc__ or "", (*RUN, *own), body)


def _runs(project: Project) -> Sequence[Command]:
    def list_body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.runs import list_runs

        return list_runs(flags, project, terminal)

    def show_body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.runs import show_run

        return show_run(flags, project, terminal, program=program_name())

    return (
        Command("runs.list", "List the newest runs.", [Flag("limit", "how many (default: 20)")], list_body),
        Command(
            "runs.show",
            "Show one run again: `runs.show ID`, where any unique beginning of the id will do.",
            [Flag("run", "id of the run", positional=True), JSON],
            show_body,
        ),
    )


def _staging(project: Project) -> Sequence[Command]:
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
    fault = Flag("fault", "what to break, for example php-fpm-stopped")
    images = Flag("images", "remove the images as well", bool)
    doc = {
        "up": "Bring up a staging host: a real Laravel host in a container.",
        "down": "Remove one staging host by --name, or all of this checkout.",
        "shell": "Open a root shell on a staging host.",
        "break": "Break a staging host on purpose.",
    }
    return (
        Command("staging.up", doc["up"], up, lazily("bring_up")),
        Command("staging.down", doc["down"], (NAME, images), lazily("take_down")),
        Command("staging.shell", doc["shell"], (NAME,), lazily("open_shell")),
        Command("staging.break", doc["break"], (NAME, fault), lazily("break_it")),
    )


def _rehearsals(project: Project, playbooks: Sequence[Listed]) -> Iterator[Command]:
    def of(*names: str) -> Body:
        def body(flags: dict[str, object], terminal: "Terminal") -> int:
            from remediate.commands.rehearse import rehearse_playbooks

            return rehearse_playbooks(names, flags, project, terminal)

        return body

    flags = (
        HOST._replace(help="a disposable host of yours instead of containers; needs --yes"),
        INVENTORY,
        _option("yes", kind=bool),
        Flag("fault", "only these cases, by name, separated by commas"),
        Flag("pairs", "cases two at a time: none, some (one for each thing that breaks; the default) or all"),
        Flag("containers", "how many hosts to rehearse on at once (default: 2)"),
        Flag("image", "boot this image instead of building one"),
        Flag("yardstick", "type the runbook's commands word for word on the same faults and compare", bool),
        Flag("junit", "write JUnit XML to this file"),
        Flag("markdown", "write a Markdown report to this file"),
        JSON,
    )
    for listed in playbooks:
        yield Command(
            f"rehearse.{listed.name}", f"Break a host on purpose to prove {listed.name}.", flags, of(listed.name)
        )
    every = tuple(listed.name for listed in playbooks)
    yield Command("rehearse.all", "Break a host on purpose to prove every playbook.", flags, of(*every))


def _sudoers(project: Project) -> Command:
    def body(flags: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.privileges import print_sudoers

        return print_sudoers(flags, project, terminal)

    doc = "Print the sudoers file of a host: exactly the commands that may ever run there."
    return Command("sudoers", doc, (HOST, INVENTORY), body)


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
    return Command("triage", "Say which incident this is, how bad, and what to type next.", flags, body)


def _docs(project: Project) -> Command:
    def body(_: dict[str, object], terminal: "Terminal") -> int:
        from remediate.commands.docs import build_docs

        return build_docs(project, terminal)

    return Command("docs.build", "Write the page of every playbook below docs/, from the code that runs.", (), body)


class RemediateProgram(Program):
    """The installed command. A line that cannot be parsed is wrong usage: 2, where Invoke's own programs say 1."""

    def parse_core(self, argv: list[str] | None) -> None:
        """See Program."""
        try:
            super().parse_core(argv)
        except ParseError as error:
            raise Exit(f"remediate: {error}", code=USAGE_EXIT_CODE) from error

    def parse_tasks(self) -> None:
        """See Program."""
        try:
            super().parse_tasks()
        except ParseError as error:
            raise Exit(f"remediate: {error}", code=USAGE_EXIT_CODE) from error


def main() -> None:
    """Run the `remediate` command."""
    RemediateProgram(name="remediate", binary="remediate", version=__version__, namespace=namespace()).run()
