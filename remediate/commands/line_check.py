"""Checks of a parsed command line: it must ask for what it would do."""

from collections.abc import Mapping, Sequence

from remediate.commands.command import RUN_PREFIXES, Command
from remediate.core.flags import HOST
from remediate.errors import ConfigurationError


def failed(name: str, runnable: str, message: str, code: int, *, plan: bool) -> str:
    """Return the `--json` document of a command that failed. For a run it is a report."""
    from remediate.commands.failure import failure, usage_report

    return (
        usage_report(runnable, message, plan=plan, code=code)
        if name.startswith(RUN_PREFIXES)
        else failure(message, code)
    )


def named_commands(words: Sequence[str], known: Mapping[str, Command]) -> list[str]:
    """Return the commands that a line names. A flag's value is never one, whatever it looks like."""
    found: list[str] = []
    skip = False
    for word in words:
        if word == "--":
            break
        if skip:
            skip = False
        elif word in known:
            found.append(word)
        else:
            skip = bool(found) and known[found[-1]].wants_value(word)
    return found


def refuse_fakes(*, dry: bool, connection: bool, rest: bool, changing: list[str]) -> None:
    """Reject calls that would not do what they say. Raises ConfigurationError.

    `rest` says whether words follow a `--`. Invoke keeps them from the command: a --plan among them would not count.
    """
    if rest:
        raise ConfigurationError("no flag is read after --: leave the -- out")
    if dry:
        raise ConfigurationError("--dry answers every command with success, so nothing would be true: use --plan")
    if connection:
        raise ConfigurationError("-H opens connections whose host keys nobody verifies: use --host")
    if len(changing) > 1:
        raise ConfigurationError(f"one at a time: {' and '.join(changing)} cannot run in one call")


def refuse_empty(command: Command, given: Mapping[str, object]) -> None:
    """Reject a value that is empty, as from an unset variable. Raises ConfigurationError.

    Otherwise the default would be used, although a person meant something else. --host says itself which hosts exist.
    """
    for flag in command.flags:
        value = given.get(flag.name.replace("-", "_"))
        texts = value if isinstance(value, list) else [value]
        if flag.name != HOST.name and any(isinstance(text, str) and not text.strip() for text in texts):
            name = flag.name if flag.positional else f"--{flag.name}"
            raise ConfigurationError(f"{name} is empty: give it a value, or leave it out")
