"""References to secrets: `env:`, `file:` and `cmd:`, read once when needed."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final, TextIO

from pydantic import SecretStr

from remediate.core.home import at_home
from remediate.errors import ConfigurationError

ACCEPTED: Final = "stdin, env:NAME, file:PATH or cmd:COMMAND"
_SECONDS: Final = 30
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_LIMIT: Final = 64 * 1024


def resolve(reference: object, flag: str, stdin: TextIO) -> SecretStr:
    """Read the value of a reference: `stdin`, `env:NAME`, `file:PATH` or `cmd:COMMAND`.

    A command runs without a shell, for at most 30 seconds. One newline (LF or CRLF) at the end is removed, because
    every editor and every `echo` adds one. No data at all is an error, because its source must have failed; an empty
    value is an empty line. The limit is 64 KiB. Bytes that are not UTF-8 are kept (surrogateescape). Raises
    ConfigurationError with the name of `flag`, and never with the data.
    """
    if not isinstance(reference, str):
        raise ConfigurationError(f"{flag} is missing: it takes {ACCEPTED}")
    kind, colon, where = reference.partition(":")
    match kind, bool(colon and where):
        case "stdin", _ if reference == "stdin":
            data = _of_stdin(flag, stdin)
        case "env", True:
            data = _of_environment(flag, where)
        case "file", True:
            data = _of_file(flag, where)
        case "cmd", True:
            data = _of_command(flag, where)
        case _:
            raise ConfigurationError(f"{flag} takes {ACCEPTED}, not a value itself")
    if len(data) > _LIMIT:
        raise ConfigurationError(f"{flag}: more than {_LIMIT // 1024} KiB is no value")
    if not data:
        raise ConfigurationError(f"{flag} {kind}: nothing was read; an empty value is given as an empty line")
    if b"\0" in data:
        raise ConfigurationError(f"{flag}: what was read holds a NUL byte, which no program's environment can hold")
    end = b"\r\n" if data.endswith(b"\r\n") else b"\n"
    return SecretStr(data.removesuffix(end).decode(errors="surrogateescape"))


def _of_stdin(flag: str, stdin: TextIO) -> bytes:
    if stdin.isatty():
        raise ConfigurationError(f"{flag} stdin: standard input is a terminal, where everybody sees it: pipe it in")
    return stdin.buffer.read(_LIMIT + 2)


def _of_environment(flag: str, name: str) -> bytes:
    value = os.environb.get(os.fsencode(name))
    if value is None:
        # The shell may have replaced the name by the value itself, which must not be shown.
        named = f"env:{name}" if _VARIABLE.fullmatch(name) else "env"
        raise ConfigurationError(f"{flag} {named}: there is no such variable")
    return value


def _of_file(flag: str, path: str) -> bytes:
    try:
        with at_home(Path(path)).open("rb") as file:
            return file.read(_LIMIT + 2)
    except OSError as error:
        raise ConfigurationError(f"{flag} file:{path}: {error.strerror}") from None
    except ValueError as why:
        raise ConfigurationError(f"{flag} file:{path!r} {why}") from None


def _of_command(flag: str, command: str) -> bytes:
    try:
        argv = shlex.split(command)
    except ValueError:
        raise ConfigurationError(f"{flag} cmd: the command cannot be split into words") from None
    if not argv:
        raise ConfigurationError(f"{flag} takes {ACCEPTED}: no command was given")
    try:
        done = subprocess.run(argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no such command"
        raise ConfigurationError(f"{flag} cmd: {argv[0]!r}: {why}") from None
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"{flag} cmd: {argv[0]}: no answer within {_SECONDS} s") from None
    if done.returncode != 0:
        raise ConfigurationError(f"{flag} cmd: {argv[0]} ended with {done.returncode}")
    return done.stdout
