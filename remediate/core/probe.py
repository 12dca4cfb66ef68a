"""Questions about a host and the values that answer them."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Question, Run
from remediate.core.field_types import FrozenModel
from remediate.core.helper import COMPLAINT, UNDECLARED
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable

TIMED_OUT = frozenset({124, 137})
"""Exit statuses of timeout(1) at the deadline; 137 means that KILL was needed."""
NOT_RUN = frozenset({126, 127})
"""Exit statuses for a command that cannot start or does not exist (POSIX sh, timeout(1))."""

SUDO_REFUSES = re.compile(
    r"^(?:sudo: .*(?:password is required|terminal is required|no tty present|must have a tty|no askpass program"
    r"|not allowed|you are not permitted|unknown user|command not found|unable to execute|unable to initialize"
    r"|error initializing|unable to load|no valid sudoers sources|no new privileges|setuid|Password expired"
    r"|[Aa]ccount (?:validation|management|expired|or password)).*"
    r"|Sorry, user .*|.* is not in the sudoers file.*|.* is not allowed to run sudo on .*)$",
    re.MULTILINE,
)
"""The messages of sudo 1.8 and 1.9 (LC_ALL=C, exit status 1) for a refused command.

Any other message of theirs is a warning, `sudo: unable to resolve host web1`, and the exit status is the command's.
"""


class Fact(FrozenModel, ABC):
    """The typed answer to a probe: frozen, picklable, JSON both ways."""

    @property
    def ok(self) -> bool | None:
        """True for a good state, False for a bad one, None if the answer only informs."""
        return None

    @abstractmethod
    def describe(self) -> str:
        """Return a few words for a person, without the subject: `failed since 02:51:10Z (exit 255)`."""

    @property
    def unequal(self) -> tuple[str, ...]:
        """Comparisons that do not match, in sentences, shown if no known cause explains a symptom."""
        return ()

    @property
    def since(self) -> float | None:
        """The start of the incarnation, in seconds of the host's monotonic clock. None without one."""
        return None

    def age(self, uptime: float) -> float | None:
        """Return the age of the incarnation in seconds, by the host's `uptime`. None without one."""
        return None if self.since is None else max(0.0, uptime - self.since)

    @property
    def settling(self) -> bool:
        """True if it is changing by itself, such as STARTING. Nobody has to act yet."""
        return False

    @property
    def incarnation(self) -> str | None:
        """A value that differs between incarnations, a PID or an invocation.

        It must not change while a result is held.
        """
        return None

    def same_incarnation(self, earlier: "Fact") -> bool:
        """Return whether this is the incarnation of an earlier answer, or its planned successor."""
        return self.incarnation == earlier.incarnation


class Batch(FrozenModel, ABC):
    """The way for one command to answer several questions. Questions with equal batches are asked together.

    Each answer is, byte for byte, the output of the question's own command, because a fence compares it with that.
    """

    @abstractmethod
    def command(self, asked: Sequence[Run]) -> Run:
        """Return the command that answers them all. Its permission is the same, whichever questions are asked."""

    @abstractmethod
    def split(self, asked: Sequence[Run], output: Output) -> Sequence[Output | None]:
        """Return the answers in the order of `asked`, None for one to be asked alone."""


T_co = TypeVar("T_co", bound=Fact, covariant=True)


class Probe(FrozenModel, ABC, Generic[T_co]):
    """A frozen question with its command and its parser. Asking never changes the host.

    Equal questions are asked once, even if several remedies ask them. Subclasses declare `kind` as a Literal.
    """

    kind: str
    subject: ClassVar[str]
    """What it asks about, for a person, where that is the same for every question of the kind."""
    accepts_truncated: ClassVar[bool] = False
    """True if a truncated answer is still readable: a page is, a list is not."""
    brief: ClassVar[bool] = False
    """True if its command waits for nothing and says little. Brief questions are asked in turn, by one shell."""
    volatile: ClassVar[str] = ""
    """A pattern of the parts that change with time alone. Comparing two answers ignores them (Fence)."""

    @property
    def vantage(self) -> Vantage:
        """The place that it is asked from: the host, unless a subclass overrides it."""
        return Vantage.HOST

    def label(self) -> str:
        """Return the subject for a person. Override it where fields tell it: a unit's name, a URL."""
        return self.subject

    @abstractmethod
    def command(self) -> Question:
        """Return the host command, or the HttpRequest or TlsRequest for the controller, that asks it."""

    def batch(self) -> Batch | None:
        """Return the batch that answers it together with other questions, None if there is none."""
        return None

    @abstractmethod
    def parse(self, output: Output) -> T_co:
        """Parse the answer, never with a guessed default. Raises Unreadable if it cannot be understood."""

    def read(self, output: Output) -> T_co:
        """Parse an output after checking that the command ran and finished. Raises Unreadable."""
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


class PlacedProbe(Probe[T_co]):
    """A question that is asked from the host or from the controller, as its field says."""

    asked_from: Vantage = Field(description="host or controller")

    @property
    @override
    def vantage(self) -> Vantage:
        return self.asked_from


def whole_number(text: str, source: str) -> int:
    """Return a number without a sign, in decimal digits. Raises Unreadable with the name of its source."""
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise Unreadable(f"{source}: {text[:80]!r} is not a number")
    return int(text)


def last_line(text: str) -> str:
    """Return the last line that is not blank, for a one-line message."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
