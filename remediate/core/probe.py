"""Questions about a host and the values that answer them."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from remediate.core.command import Output, Question, Run
from remediate.core.field_types import FrozenModel
from remediate.core.helper import COMPLAINT, UNDECLARED
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable

TIMED_OUT = frozenset({124, 137})
"""Exit statuses of timeout(1): the command was ended at its deadline, the second one by KILL."""
NOT_RUN = frozenset({126, 127})
"""Exit statuses of a command that cannot be started or does not exist (POSIX sh, timeout(1))."""

SUDO_REFUSES = re.compile(
    r"^(?:sudo: .*(?:password is required|terminal is required|no tty present|must have a tty|no askpass program"
    r"|not allowed|you are not permitted|unknown user|command not found|unable to execute|unable to initialize"
    r"|error initializing|unable to load|no valid sudoers sources|no new privileges|setuid|Password expired"
    r"|[Aa]ccount (?:validation|management|expired|or password)).*"
    r"|Sorry, user .*|.* is not in the sudoers file.*|.* is not allowed to run sudo on .*)$",
    re.MULTILINE,
)
"""What sudo 1.8 and 1.9 say (LC_ALL=C, exit status 1) when they do not run a command at all. Everything else that they
write is a warning, `sudo: unable to resolve host web1`, and the exit status is the command's own."""


class Fact(FrozenModel, ABC):
    """The typed answer to a probe: frozen, picklable, JSON both ways."""

    @property
    @abstractmethod
    def ok(self) -> bool | None:
        """Whether it is as it should be; None where it only informs."""

    @abstractmethod
    def describe(self) -> str:
        """Say it in a few words for a person, without the subject: `failed since 02:51:10Z (exit 255)`."""

    @property
    def unequal(self) -> tuple[str, ...]:
        """What was compared and does not fit together, in sentences: told where no known cause explains a symptom."""
        return ()

    @property
    def since(self) -> float | None:
        """When the present incarnation began, in seconds of the host's monotonic clock; None where it has none."""
        return None

    def age(self, uptime: float) -> float | None:
        """How long the present incarnation has been there, in seconds, by the host's own clock."""
        return None if self.since is None else max(0.0, uptime - self.since)

    @property
    def settling(self) -> bool:
        """Whether it is on its way to another state by itself, such as STARTING: nobody has to act on that yet."""
        return False

    @property
    def incarnation(self) -> str | None:
        """What differs between two incarnations (a PID, an invocation): must not change while a result is held."""
        return None

    def same_incarnation(self, earlier: "Fact") -> bool:
        """Whether it is still the incarnation of an earlier answer, or a successor that was meant to come."""
        return self.incarnation == earlier.incarnation


class Batch(FrozenModel, ABC):
    """How one command answers several questions; those with equal batches are asked together.

    Each answer is, byte for byte, what its own command would have printed: a fence compares it with that.
    """

    @abstractmethod
    def command(self, asked: Sequence[Run]) -> Run:
        """Return the command that answers them all; its permission is the same whatever is asked."""

    @abstractmethod
    def split(self, asked: Sequence[Run], output: Output) -> Sequence[Output | None]:
        """Return the answer to each, in their order; None for one that has to be asked by itself."""


T_co = TypeVar("T_co", bound=Fact, covariant=True)


class Probe(FrozenModel, ABC, Generic[T_co]):
    """A frozen question: how to ask it, how to read the answer. Asking is harmless.

    Equal questions are asked once, however many remedies ask them. Subclasses declare `kind` as a Literal.
    """

    kind: str
    accepts_truncated: ClassVar[bool] = False
    """Whether an answer cut at the size limit can still be read: a page can, a list cannot."""
    volatile: ClassVar[str] = ""
    """What changes in an answer by the passing of time alone, as Fence has it; without it two answers are compared."""

    @property
    def vantage(self) -> Vantage:
        """Where it is asked from; on the host unless a subclass says otherwise."""
        return Vantage.HOST

    @abstractmethod
    def label(self) -> str:
        """The subject for a person: a unit's name, a URL."""

    @abstractmethod
    def command(self) -> Question:
        """How to ask. A question that a controller asks is an HttpRequest or a TlsRequest."""

    def batch(self) -> Batch | None:
        """Return what can answer it together with others, None where nothing can."""
        return None

    @abstractmethod
    def parse(self, output: Output) -> T_co:
        """Read the answer. Raises Unreadable when it cannot be understood; never guesses a default."""

    def read(self, output: Output) -> T_co:
        """Read an answer after ruling out that the question was never answered. Raises Unreadable."""
        command = self.command()
        if isinstance(command, Run):
            if output.exit in TIMED_OUT:
                raise Unreadable(f"{self.label()}: no answer within {command.seconds:g} s")
            if output.exit in NOT_RUN:
                raise Unreadable(f"{self.label()}: cannot run {command.argv[0]}: {last_line(output.stderr)}")
            if command.verb and output.exit == UNDECLARED and output.stderr.startswith(COMPLAINT):
                raise Unreadable(f"{self.label()}: {output.stderr.strip()}")
            if command.user is not None and output.exit == 1 and (said := SUDO_REFUSES.search(output.stderr)):
                raise Unreadable(f"{self.label()}: not allowed to run `{command}`: {said[0]}")
        if output.cut and not self.accepts_truncated:
            raise Unreadable(f"{self.label()}: the answer is too long to be read whole")
        return self.parse(output)


def whole_number(text: str, source: str) -> int:
    """Return a number without a sign, in the digits that programs print. Raises Unreadable, naming its source."""
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise Unreadable(f"{source}: {text[:80]!r} is not a number")
    return int(text)


def last_line(text: str) -> str:
    """Return the last line that says something, for a one-line message."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
