"""The answers of one survey, as typed facts."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from remediate.core.command import Output
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable

T = TypeVar("T", bound=Fact)


class Facts:
    """The answers of one survey. `facts[probe]` is one answer, of the type that the probe declares."""

    __slots__ = ("_answers", "_outputs")

    def __init__(
        self, answers: Mapping[Probe[Fact], Fact | Unreadable], outputs: Mapping[Probe[Fact], Output] | None = None
    ) -> None:
        """Keep the answers. `outputs` are the raw outputs of the host, which only a fence needs."""
        self._answers = dict(answers)
        self._outputs = dict(outputs or {})

    @classmethod
    def read(cls, probes: Iterable[Probe[Fact]], outputs: Mapping[Probe[Fact], Output | Unreadable]) -> "Facts":
        """Build facts from raw outputs, each read by its probe. A missing output is Unreadable."""
        answers: dict[Probe[Fact], Fact | Unreadable] = {}
        for probe in probes:
            output = outputs.get(probe, Unreadable(f"{probe.label()}: no answer came back"))
            if isinstance(output, Unreadable):
                answers[probe] = output
                continue
            try:
                answers[probe] = probe.read(output)
            except Unreadable as why:
                answers[probe] = why
        return cls(answers, {probe: output for probe, output in outputs.items() if isinstance(output, Output)})

    def __getitem__(self, probe: Probe[T]) -> T:
        """Return the answer. Raises Unreadable if there is none, KeyError if it was never asked (a bug)."""
        answer = self._answers[probe]
        if isinstance(answer, Unreadable):
            raise answer
        return answer  # type: ignore[return-value]  # `read` stored an answer of the probe's own type.

    def __contains__(self, probe: Probe[Fact]) -> bool:
        return probe in self._answers

    def __iter__(self) -> Iterator[tuple[Probe[Fact], Fact | Unreadable]]:
        return iter(self._answers.items())

    def output(self, probe: Probe[Fact]) -> Output:
        """Return the raw output for a question. Raises Unreadable if the answer was not readable."""
        answer = self._answers[probe]
        if isinstance(answer, Unreadable):
            raise answer
        return self._outputs[probe]

    def updated(self, later: "Facts") -> "Facts":
        """Return these facts, with the answers of a later, smaller survey replacing the old ones."""
        return Facts({**self._answers, **dict(later)}, {**self._outputs, **later.outputs})

    def recalled(self, later: "Facts") -> "Facts":
        """Return the last readable answer to each question. An unreadable one never hides an earlier one."""
        kept = {probe for probe, answer in later if isinstance(answer, Unreadable) and probe in self}
        answers = {probe: answer for probe, answer in later if probe not in kept}
        outputs = {probe: output for probe, output in later.outputs.items() if probe not in kept}
        return Facts({**self._answers, **answers}, {**self._outputs, **outputs})

    @property
    def outputs(self) -> Mapping[Probe[Fact], Output]:
        """The raw output for each question that has one."""
        return self._outputs
