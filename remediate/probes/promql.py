"""The series in a PromQL expression, in the grammar of Prometheus 2 and 3.

See https://prometheus.io/docs/prometheus/latest/querying/basics/ and …/operators/. Only what separates selectors from
everything else is read here. Whether the expression is valid was decided by the server when it loaded it.
"""

import re
from itertools import pairwise
from typing import Final, NamedTuple

from remediate.errors import Unreadable

_STRING: Final = r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|`[^`]*+`"""
_TOKEN: Final = re.compile(
    r"(?P<space>\s+|\#[^\n]*)"
    rf"|(?P<string>{_STRING})"
    rf"|(?P<matchers>\{{(?:[^{{}}\"'`]|{_STRING})*+\}})"
    r"|(?P<range>\[[^\[\]]*\])"
    r"|(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)"
    # 1.5, 0x1f, 1e-9, and durations: 1h30m
    r"|(?P<number>[0-9.][0-9A-Za-z_.]*(?:(?<=[0-9.][eE])[+-][0-9]+)?)"
    r"|(?P<open>\()|(?P<close>\))"
    r"|(?P<operator>[-+*/%^=!<>~,@])",
    re.DOTALL,
)
_BEFORE_LABELS: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_OPERATORS: Final = frozenset({"and", "bool", "offset", "atan2", "inf", "nan"})
_ALTERNATIVES: Final = frozenset({"or", "unless"})
_ABSENT: Final = frozenset({"absent", "absent_over_time"})


class Selector(NamedTuple):
    """One set of series that an expression reads."""

    name: str
    """The metric's name; empty if only the matchers choose."""
    matchers: str = ""
    """The text between the braces."""
    range: str = ""
    """The time range, for example 5m; empty for the present values."""

    @property
    def shown(self) -> str:
        """The selector as it is written in the expression."""
        braces = f"{{{self.matchers}}}" if self.matchers else ""
        return f"{self.name}{braces}{f'[{self.range}]' if self.range else ''}"

    def vector(self, instance: str | None = None) -> str:
        """Return an instant vector of the selector's series, optionally of one instance only.

        With a range, samples within it are counted: a counter without recent samples still has series there.
        """
        own = self.matchers.strip().rstrip(",")
        added = () if instance is None else (f'instance="{instance}"',)
        matchers = ",".join((*((own,) if own else ()), *added))
        series = f"{self.name}{{{matchers}}}" if matchers else self.name
        return f"count_over_time({series}[{self.range}])" if self.range else series

    @property
    def bare(self) -> "Selector | None":
        """The same metric at present, with any labels; None without matchers or without a name.

        The range is left out, because over a range all series of a busy metric would be too much for a server.
        """
        return self._replace(matchers="", range="") if self.name and self.matchers.strip() else None


class Expression(NamedTuple):
    """The series that an expression needs in order to yield a result."""

    selectors: tuple[Selector, ...]
    """Each selector once, without those that are inside absent()."""
    lenient: bool
    """True if it may yield a result although one selector finds nothing, because it has alternatives."""
    constant: bool
    """True if it may yield a result although no selector finds anything."""


class _Token(NamedTuple):
    kind: str
    text: str


def read(expression: str) -> Expression:
    """Return the selectors of an expression. Raises Unreadable if it cannot be followed."""
    tokens = _tokens(expression)
    reader = _Reader()
    for token, following in pairwise((*tokens, _Token("end", ""))):
        reader.take(token, following)
    reader.finish()
    # An expression of numbers only, or of absent() only, needs no series at all.
    constant = reader.constant or not reader.selectors
    return Expression(tuple(dict.fromkeys(reader.selectors)), reader.lenient, constant)


def _tokens(expression: str) -> list[_Token]:
    found, at = [], 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None or match.lastgroup is None:
            raise Unreadable(f"the expression cannot be parsed at {expression[at : at + 20]!r}")
        if match.lastgroup != "space":
            found.append(_Token(match.lastgroup, match[0]))
        at = match.end()
    return found


class _Reader:
    """One pass over the tokens, with the state that it needs from earlier ones."""

    def __init__(self) -> None:
        self.selectors: list[Selector] = []
        self.lenient = self.constant = False
        self._calls: list[str] = []
        """The functions whose brackets are open, with an empty name for brackets alone."""
        self._called = ""
        self._labels = False
        """True if the reader is inside `by (…)` or the like, where words are labels."""
        self._name = ""
        self._matchers = ""

    def take(self, token: _Token, following: _Token) -> None:
        """Process the next token. Raises Unreadable."""
        if self._labels:
            self._labels = token.kind != "close"
        elif token.kind == "word":
            self._word(token.text, following)
        elif token.kind == "matchers":
            self._matchers = token.text[1:-1].strip()
            self._unless_more(following, "range")
        elif token.kind == "range" and (self._name or self._matchers):
            over = token.text[1:-1].strip()
            # x[1h:5m] is a subquery: x itself is evaluated as an instant vector at each step.
            self._selected("" if ":" in over else over)
        elif token.kind in {"open", "close"}:
            self._bracket(token.kind)

    def finish(self) -> None:
        """Check that all brackets are closed. Raises Unreadable."""
        if self._calls or self._labels:
            raise Unreadable("the expression cannot be parsed: its brackets are not balanced")

    def _word(self, word: str, following: _Token) -> None:
        lowered = word.lower()
        if lowered in _BEFORE_LABELS:
            self._labels = following.kind == "open"  # group_left may stand alone
        elif lowered in _ALTERNATIVES:
            self.lenient = True
        elif lowered in _OPERATORS:
            pass
        elif following.kind == "open" or following.text.lower() in {"by", "without"}:
            self._called = lowered
            self.constant = self.constant or lowered in {"vector", *_ABSENT}
        else:
            self._name = word
            self._unless_more(following, "matchers", "range")

    def _bracket(self, kind: str) -> None:
        if kind == "open":
            self._calls.append(self._called)
        elif not self._calls:
            raise Unreadable("the expression cannot be parsed: its brackets are not balanced")
        else:
            self._calls.pop()
        self._called = ""

    def _unless_more(self, following: _Token, *kinds: str) -> None:
        if following.kind not in kinds:
            self._selected("")

    def _selected(self, over: str) -> None:
        if not _ABSENT & set(self._calls):
            self.selectors.append(Selector(self._name, self._matchers, over))
        self._name = self._matchers = ""
