"""PHP programs that a probe runs with the host's own PHP."""

import json
import re
from abc import abstractmethod
from base64 import b64decode
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Final

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath, PhpName, UserName
from remediate.core.probe import Batch, Probe, T_co, last_line
from remediate.errors import Unreadable
from remediate.programs.run import PROBES, run_php

MARKER = "remediate:"
"""Prefix of the line with the answer, because a framework may print notices around it."""


LONGEST: Final = 25.0
"""Longest deadline, in seconds, of a question that can be asked together with others.

It is used if there is no question, when only the sudo rule for the command is wanted.
"""
_ANSWERED: Final = re.compile(r"^answered ([0-9]{1,3}) ([A-Za-z0-9+/=]*)$", re.MULTILINE)


class Together(Batch):
    """Questions about an application that one start of its framework can answer.

    Each is answered in its own process (together.php).
    """

    php: PhpName
    path: AbsolutePath
    user: UserName

    @override
    def command(self, asked: Sequence[Run]) -> Run:
        given = json.dumps([self._question(run) for run in asked])
        seconds = max((min(run.seconds, LONGEST) for run in asked), default=LONGEST) + 2
        return ask_php(self.php, "together", self.path, user=self.user, seconds=seconds, stdin=given)

    @override
    def split(self, asked: Sequence[Run], output: Output) -> Sequence[Output | None]:
        # A truncated output ends in the middle of an answer, so an unfinished last line is dropped.
        lines, _, _ = output.stdout.rpartition("\n")
        found = {int(number): text for number, text in _ANSWERED.findall(lines)}
        return [_alone(found.get(number)) for number in range(len(asked))]

    def _question(self, run: Run) -> tuple[str, Sequence[str], float]:
        _, *words = run.arguments
        return run.verb.replace("-", "_"), words, run.seconds


def _alone(text: str | None) -> Output | None:
    try:
        return None if text is None else Output(stdout=b64decode(text, validate=True).decode(errors="backslashreplace"))
    except ValueError:
        return None


ask_php = partial(run_php, package=PROBES)
"""Returns the command that runs one of these programs as the application's user."""


def answered(label: str, output: Output) -> Any:
    """Return the JSON that a PHP program answered with. Raises Unreadable without any."""
    for line in output.stdout.splitlines():
        if line.startswith(MARKER):
            try:
                return json.loads(line.removeprefix(MARKER))
            except (ValueError, RecursionError):
                break
    said = last_line(output.stderr if output.stderr.strip() else output.stdout)
    raise Unreadable(f"{label}: PHP ended with {output.exit}: {said}")


class AppProbe(Probe[T_co]):
    """A question to an application's own code, with its configuration and its PHP. No password is an argument."""

    program: ClassVar[str]
    """The name of the PHP program that asks it."""
    asked_together: ClassVar[bool] = False
    """True if one start of the framework may answer it together with others."""
    php: PhpName = Field(description="PHP's name, for example php8.3")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(description="user the application runs as: files it may create must be its own")

    def ask(self, *words: str, seconds: float = 15, stdin: str | None = None) -> Run:
        """Return the command that asks it. On a slow host the framework takes seconds to start (3 % of a core: 7 s)."""
        return ask_php(self.php, self.program, self.path, *words, user=self.user, seconds=seconds, stdin=stdin)

    @override
    def batch(self) -> Together | None:
        return Together(php=self.php, path=self.path, user=self.user) if self.asked_together else None

    @abstractmethod
    def understand(self, answer: Any) -> T_co:
        """Return the fact that the program's JSON states. Raises TypeError for another shape."""

    @override
    def parse(self, output: Output) -> T_co:
        answer = answered(self.label(), output)
        if isinstance(answer, dict) and isinstance(answer.get("ended"), str):
            raise Unreadable(f"{self.label()}: the application does not start: PHP ends with {answer['ended']}")
        try:
            return self.understand(answer)
        # A ValidationError of pydantic is a ValueError; a time that no clock shows is one of the last two.
        except (ValueError, TypeError, KeyError, OverflowError, OSError):
            raise Unreadable(f"{self.label()}: unexpected answer from PHP") from None
