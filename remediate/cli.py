"""The command line for `invoke`, `remediate` and `fab`: the only module that imports Invoke.

Invoke's parser passes strings on; pydantic converts them. Every error that a user can cause ends in one line and the
right exit code. A remote exit code never becomes the exit code of the command line.
"""

import atexit
import errno
import gc
import os
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NoReturn

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit, ParseError
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext
from invoke.program import Program
from invoke.tasks import Task
from typing_extensions import override

from remediate import __version__
from remediate.commands.command import RUN_PREFIXES, Command, program_name
from remediate.commands.line_check import failed, named_commands, refuse_empty, refuse_fakes
from remediate.commands.registry import other_commands, remedy_commands
from remediate.commands.usage import explain
from remediate.core.flags import HOST
from remediate.errors import FAILED_EXIT_CODE, USAGE_EXIT_CODE, ConfigurationError, RemediateError
from remediate.project.project import Project

PLAN = frozenset({"--plan", "--check", "--dry-run"})
_HELP = frozenset({"--help", "-h"})
_HELP_WIDTH = 120
_PARSE_ERROR = 1
"""Exit code of `invoke` and `fab` for a line that they cannot parse."""
UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""Errors of a write to a pipe, file or terminal that are not a bug."""
_COLLECTED: Final = 100_000
"""New objects after which Python looks for garbage: what is imported stays, so fewer would only cost time."""


class CommandTask(Task[Any]):
    """A task whose flags are declared, not read from a signature. Every value arrives as text.

    Invoke copies the flags of all tasks before it reads a line. So a task that is not `named` there has none.
    """

    def __init__(self, command: Command, known: Mapping[str, Command], *, named: bool) -> None:
        def call(context: Context, /, **given: object) -> None:
            _call(command, known, context, given)

        call.__doc__ = command.doc
        super().__init__(call, name=command.name.rpartition(".")[2], positional=(), auto_shortflags=False)
        self._flags = command.flags if named else ()

    @override
    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        return [
            Argument(
                # Set attr_name only for names with a dash: if it equals the name, Argument.name recurses without end.
                names=flag.names,
                attr_name=flag.name.replace("-", "_") if "-" in flag.name else None,
                kind=flag.kind,
                default=False if flag.kind is bool else [] if flag.kind is list else None,
                help=flag.help,
                positional=flag.positional,
                optional=False,
            )
            for flag in self._flags
        ]


def namespace(root: Path | None = None) -> Collection:
    """Return all commands as Invoke collections, for a tasks.py or fabfile.

    `root` is the project's directory; without it the project is searched from the current directory upwards.
    """
    known = _known(Project(root) if root is not None else Project.here(), ())
    named = set(known)
    if isinstance(program := getattr(sys.modules["__main__"], "program", None), Program):
        _collect_rarely()
        _help_before_values(program)
        _explain_parse_errors(program)
        # A tasks.py may put our tasks below a name of its own, or give them other names.
        named = {name for name in known if any(f".{word}".endswith(f".{name}") for word in program.argv)} or named
    return _tree(known, named)


def _known(project: Project, line: Sequence[str]) -> dict[str, Command]:
    """Return the commands by name. A line that names others, and no `do.*`, needs no single remedy."""
    # Invoke disables writing bytecode (--write-pyc), so each run would compile again all that it imports from here on.
    sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
    known = {command.name: command for command in other_commands(project)}
    if not any(name in line for name in known) or any(word.startswith("do.") for word in line):
        known |= {command.name: command for command in remedy_commands(project)}
    if not _HELP.isdisjoint(sys.argv[1:]):
        known |= {name: _fitted(known[name]) for name in sys.argv[1:] if name in known}
    return known


def _tree(known: Mapping[str, Command], named: Container[str]) -> Collection:
    top = Collection()
    for name, command in known.items():
        *path, _ = name.split(".")
        within = top
        for part in path:
            if part not in within.collections:
                within.add_collection(Collection(part))
            within = within.collections[part]
        within.add_task(CommandTask(command, known, named=name in named))
    return top


def _fitted(command: Command) -> Command:
    """Return the command with a help text as wide as the terminal. Invoke wraps only the flags."""
    import textwrap
    from shutil import get_terminal_size

    width = min(get_terminal_size().columns, _HELP_WIDTH) - 4
    paragraphs = (textwrap.fill(" ".join(each.split()), width) for each in command.doc.split("\n\n"))
    return command._replace(doc="\n\n".join(paragraphs))


def _call(command: Command, known: Mapping[str, Command], context: Context, given: dict[str, object]) -> None:
    from remediate.commands.terminal import opened
    from remediate.masking.writer import self_test

    with opened() as terminal:
        try:
            refuse_fakes(
                dry=bool(context.config.run.dry),
                connection=hasattr(context, "original_host"),
                rest="--" in sys.argv[1:],
                changing=[each for each in named_commands(sys.argv[1:], known) if known[each].changes],
            )
            refuse_empty(command, given)
            if not command.is_run:  # A run tests itself while it connects.
                self_test()
            code = command.body(given, terminal)
        except RemediateError as error:
            code = USAGE_EXIT_CODE if isinstance(error, ConfigurationError) else FAILED_EXIT_CODE
            if given.get("json"):
                plan = bool(given.get("plan")) or command.name.startswith("check.")
                terminal.say(failed(command.name, command.runnable, str(error), code, plan=plan))
            terminal.err.write(f"{program_name()}: {error}\n")
        # A run's exit code is its verdict, which the journal keeps. Any other command has only its output.
        if code == 0 and not command.is_run and terminal.lost:
            code = FAILED_EXIT_CODE
    if code:
        raise Exit(code=code)


def _output_is_lost(error: OSError) -> None:
    """Report that the output could not be written. Raises the error if it is about anything else."""
    if error.errno not in UNWRITABLE or error.filename is not None:
        raise error
    with suppress(OSError):
        sys.stderr.write(f"{program_name()}: the output cannot be written: {error.strerror}\n")
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            # Otherwise the interpreter flushes again at exit and prints its own error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class RemediateProgram(Program):
    """The installed command. Unlike Invoke's own programs it exits with 2, not 1, for wrong usage."""

    def __init__(self) -> None:
        # The commands are loaded later: --version does not need them.
        version = f"{__version__} from {Path(__file__).parent} (Python {sys.version.split()[0]})"
        super().__init__(name="remediate", binary="remediate", version=version, namespace=Collection())

    @override
    def create_config(self) -> None:
        # No setting of Invoke's own files is used, so a broken one must not stop a fix.
        self.config = self.config_class(lazy=True)

    @override
    def parse_collection(self) -> None:
        try:
            self.namespace = _tree(_known(Project.here(), self.argv), self.argv)
        except ConfigurationError as error:
            _refuse(str(error))
        _help_before_values(self)
        super().parse_collection()

    @override
    def parse_core_args(self) -> None:
        super().parse_core_args()
        shell = str(self.args["print-completion-script"].value)
        # Invoke's own completion loses empty words, and offers commands where a host is wanted.
        if shell or self.args.complete.value:
            from remediate.commands.completion import completed, script

            sys.stdout.write(script(shell) if shell else completed(self.core.remainder))
            raise Exit

    @override
    def parse_core(self, argv: list[str] | None) -> None:
        with _in_our_words(self, USAGE_EXIT_CODE):
            try:
                super().parse_core(argv)
            except ValueError:  # Invoke converts these itself.
                raise Exit("--list-depth and --command-timeout take a whole number") from None
            except ConfigurationError as error:
                raise Exit(str(error)) from None

    @override
    def parse_tasks(self) -> None:
        with _in_our_words(self, USAGE_EXIT_CODE):
            super().parse_tasks()

    @override
    def parse_cleanup(self) -> None:
        with _in_our_words(self, USAGE_EXIT_CODE):
            super().parse_cleanup()


def _help_before_values(program: Program) -> None:
    """Show the help of a command that is followed by --help. Invoke would take it for the value that it needs."""
    words = program.core.unparsed
    if len(words) > 1 and words[1] in _HELP:
        program.core[0].args.help.value = words[0]
        words.clear()


def _explain_parse_errors(program: Program) -> None:
    """Make the running `invoke` or `fab` report parse errors in our words.

    Invoke has no hook for that. A check here would not know the tasks that a tasks.py adds to ours.
    """

    def explained(parse: Callable[[], None]) -> Callable[[], None]:
        def call() -> None:
            try:
                with _in_our_words(program, _PARSE_ERROR):
                    parse()
            except OSError as error:
                _output_is_lost(error)
                raise Exit(code=_PARSE_ERROR) from None

        return call

    for name in ("parse_tasks", "parse_cleanup"):
        setattr(program, name, explained(getattr(program, name)))


@contextmanager
def _in_our_words(program: Program, code: int) -> Iterator[None]:
    try:
        yield
    except ParseError as error:
        at = error.context or program.initial_context
        # A flag that was given already is not the one that is missing.
        flags = [flag for flag, argument in at.flags.items() if argument.kind is list or argument.raw_value is None]
        said = explain(
            str(error), _names(program), program=program_name(), task=at.name, flags=flags, why=partial(_misread, at)
        )
        _refuse(said, code)
    except Exit as error:
        if error.message:
            _refuse(explain(error.message, _names(program), program=program_name(), task=None, flags=()), code)
        raise


def _misread(at: ParserContext, word: str) -> str | None:
    """Return what is wrong with the flag before a word that is neither flag nor command; None without such a flag."""
    parts = [part for each in sys.argv[1:] for part in _parts(each)]
    for before, value in pairwise(parts):
        argument = at.flags.get(before)
        if value == word and argument is not None:
            if argument.kind is bool:
                return f"{before} takes no value, and got {word}"
            many = f": write --{HOST.name} NAME,NAME" if argument.name == HOST.name else ""
            return f"{before} is given twice{many}" if parts.count(before) > 1 else None
    return None


def _parts(word: str) -> tuple[str, ...]:
    flag, _, value = word.partition("=")
    return (flag, value) if value and word.startswith("--") else (word,)


def _names(program: Program) -> list[str]:
    """Return the names of all commands, those of the project's own tasks included."""
    collection = getattr(program, "collection", None)  # not loaded yet while the first flags are read
    return [] if collection is None else list(collection.task_names)


def _refuse(message: str, code: int = USAGE_EXIT_CODE) -> NoReturn:
    """Report wrong usage in one line and exit. With `--json` also print a document, though no command has started."""
    words = sys.argv[1:]
    if "--json" in words:
        from remediate.commands.terminal import opened

        plain = [word for word in words if not word.startswith("-")]
        # Any earlier word may be the value of a flag.
        name = next((word for word in plain if word.startswith(RUN_PREFIXES)), plain[0] if plain else "")
        kind, _, rest = name.partition(".")
        plan = kind == "check" or not PLAN.isdisjoint(words)
        with opened() as terminal:
            runnable = rest if kind in {"fix", "check"} else name
            terminal.say(failed(name, runnable, message, code, plan=plan))
    raise Exit(f"{program_name()}: {message}", code=code)


def _collect_rarely() -> None:
    """Make Python search for garbage rarely, and not at the end."""
    gc.set_threshold(_COLLECTED)
    atexit.register(gc.freeze)


def main() -> None:
    """Run the `remediate` command."""
    _collect_rarely()
    try:
        try:
            RemediateProgram().run()
        finally:
            if sys.stdout is not None:  # Python has none for a closed one (`>&-`).
                sys.stdout.flush()
    except OSError as error:
        _output_is_lost(error)
        sys.exit(USAGE_EXIT_CODE)
