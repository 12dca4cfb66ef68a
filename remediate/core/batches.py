"""The commands that ask the questions of one survey, and the answers that they bring."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from remediate.core.command import ROOT, Output, Run
from remediate.core.helper import in_turn
from remediate.core.probe import Batch, Fact, Probe
from remediate.errors import Unreadable

Answer = Output | Unreadable


class Unanswered(Unreadable):
    """A question that the command for several did not answer. It can still be asked alone."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One command, and the questions that it answers: several only with a batch."""

    run: Run
    probes: tuple[Probe[Fact], ...]
    batch: Batch | None = None

    @property
    def brief(self) -> bool:
        """True if it can be asked in turn with others: neither waits nor says much."""
        return all(probe.brief for probe in self.probes) and self.run.stdin is None and not self.run.retry

    def unanswered(self) -> Iterator[tuple[Probe[Fact], Answer]]:
        """Yield that each of its questions is to be asked alone."""
        for probe in self.probes:
            yield probe, Unanswered(f"{probe.label()}: no answer together with others")

    def answers(self, output: Output) -> Iterator[tuple[Probe[Fact], Answer]]:
        """Yield the answer to each of its questions."""
        if self.batch is None:
            yield self.probes[0], output
            return
        found = self.batch.split([command_of(probe) for probe in self.probes], output)
        for probe, answer in zip(self.probes, found, strict=True):
            yield probe, Unanswered(f"{probe.label()}: no answer together with others") if answer is None else answer


def askings(probes: Sequence[Probe[Fact]], *, together: bool) -> tuple[Asking, ...]:
    """Return the commands that ask all these questions, ordered by the first question of each.

    Without `together`, each question gets its own command.
    """
    groups: dict[Batch | Probe[Fact], list[Probe[Fact]]] = {}
    for probe in probes:
        groups.setdefault((together and probe.batch()) or probe, []).append(probe)
    return tuple(_asking(tuple(members)) for members in groups.values())


def turns(asked: Sequence[Asking]) -> tuple[tuple[int, ...], ...]:
    """Return the positions of the questions to ask in turn: several brief ones of a user."""
    users: dict[str | None, list[int]] = {}
    for index, each in enumerate(asked):
        if each.brief:
            users.setdefault(each.run.user, []).append(index)
    return tuple(tuple(indices) for indices in users.values() if len(indices) > 1)


def commands_for(probes: Iterable[Probe[Fact]]) -> Iterator[Run]:
    """Yield every host command that may ask these questions, alone or in a batch."""
    for probe in probes:
        command = probe.command()
        if isinstance(command, Run):
            yield command
            if probe.brief and command.user == ROOT:
                yield in_turn(command)
        if (batch := probe.batch()) is not None:
            yield batch.command(())


def command_of(probe: Probe[Fact]) -> Run:
    """Return the host command for a question. Raises TypeError if only a controller can ask it (a bug)."""
    command = probe.command()
    if not isinstance(command, Run):
        raise TypeError("a host can only be asked what is asked from the host")
    return command


def _asking(members: tuple[Probe[Fact], ...]) -> Asking:
    batch = members[0].batch()
    if len(members) == 1 or batch is None:
        return Asking(command_of(members[0]), members)
    return Asking(batch.command([command_of(probe) for probe in members]), members, batch)
