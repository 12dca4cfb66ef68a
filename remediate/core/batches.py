"""Which questions of one survey are asked by one command, and what each of them is answered."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from remediate.core.command import Output, Run
from remediate.core.probe import Batch, Fact, Probe
from remediate.errors import Unreadable

Answer = Output | Unreadable


class Unanswered(Unreadable):
    """The command for several questions did not answer this one, which can still be asked by itself."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One command, and the questions that it answers: more than one only with a batch."""

    run: Run
    probes: tuple[Probe[Fact], ...]
    batch: Batch | None = None

    def answers(self, output: Output) -> Iterator[tuple[Probe[Fact], Answer]]:
        """Yield the answer to each of its questions."""
        if self.batch is None:
            yield self.probes[0], output
            return
        found = self.batch.split([command_of(probe) for probe in self.probes], output)
        for probe, answer in zip(self.probes, found, strict=True):
            yield probe, Unanswered(f"{probe.label()}: no answer together with others") if answer is None else answer


def askings(probes: Sequence[Probe[Fact]], *, together: bool) -> tuple[Asking, ...]:
    """Return the commands that ask all of these, in the order of the first question of each."""
    groups: dict[Batch | Probe[Fact], list[Probe[Fact]]] = {}
    for probe in probes:
        groups.setdefault((together and probe.batch()) or probe, []).append(probe)
    return tuple(_asking(tuple(members)) for members in groups.values())


def commands_for(probes: Iterable[Probe[Fact]]) -> Iterator[Run]:
    """Yield every command on the host that may ask these, by themselves or together."""
    for probe in probes:
        command = probe.command()
        if isinstance(command, Run):
            yield command
        if (batch := probe.batch()) is not None:
            yield batch.command(())


def command_of(probe: Probe[Fact]) -> Run:
    """Return how a host is asked. Raises TypeError for a question that only a controller can be asked (a bug)."""
    command = probe.command()
    if not isinstance(command, Run):
        raise TypeError("a host can only be asked what is asked from the host")
    return command


def _asking(members: tuple[Probe[Fact], ...]) -> Asking:
    batch = members[0].batch()
    if len(members) == 1 or batch is None:
        return Asking(command_of(members[0]), members)
    return Asking(batch.command([command_of(probe) for probe in members]), members, batch)
