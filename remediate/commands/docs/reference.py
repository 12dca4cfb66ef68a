"""Reference pages of a project: its commands, remedies and refusal codes."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from remediate.commands.command import Command
from remediate.commands.docs.example import EXAMPLE
from remediate.commands.docs.rendering import rendered
from remediate.commands.registry import commands
from remediate.core.flags import RUN, Flag
from remediate.core.remedy import Remedy
from remediate.core.verdict import ENGINE_CODES, HANDED_OVER, HANDOVERS, RefusalCode
from remediate.project.project import Project
from remediate.remedies import catalogue


class DocumentedRemedy(NamedTuple):
    """A remedy with the playbooks that use it."""

    kind: str
    model: type[Remedy]
    playbooks: tuple[str, ...]

    @property
    def doc(self) -> str:
        """Its whole docstring."""
        return inspect.cleandoc(self.model.__doc__ or "")

    @property
    def flags(self) -> Mapping[str, str]:
        """The flags of its own command, empty without one."""
        if not has_command(self.model):
            return {}
        secret = {f"{name}-from": meaning for name, meaning in self.model.secret_fields().items()}
        return {
            f"--{name.replace('_', '-')}": meaning for name, meaning in {**self.model.simple_fields(), **secret}.items()
        }


class DocumentedRefusal(NamedTuple):
    """A refusal code with everything that may refuse with it."""

    code: RefusalCode
    remedies: tuple[str, ...]

    @property
    def next(self) -> str:
        """The next thing for a person to do, empty if only the report can say it."""
        if self.code.advice or self.code.name in HANDOVERS:  # The meaning of a handover is its advice.
            return self.code.advice
        playbook = HANDED_OVER.get(self.code.name)
        return f"run `fix.{playbook}`" if playbook else ""


def has_command(model: type[Remedy]) -> bool:
    """Return whether `do.KIND` runs it. Remedies of a project, and tasks of a person, have none."""
    listed = catalogue.listed().get(model.model_fields["kind"].default)
    return listed is not None and not listed.is_human


def documented_remedies(project: Project) -> tuple[DocumentedRemedy, ...]:
    """Return every packaged remedy, and those of the project's playbooks, by kind."""
    users: dict[str, list[str]] = {}
    models: dict[str, type[Remedy]] = dict(catalogue.remedies())
    for name in project.playbooks():
        for remedy in project.load(name)(EXAMPLE).remedies:
            models.setdefault(remedy.kind, type(remedy))
            users.setdefault(remedy.kind, []).append(name)
    return tuple(
        DocumentedRemedy(kind, model, tuple(dict.fromkeys(users.get(kind, ()))))
        for kind, model in sorted(models.items())
    )


def documented_refusals(remedies: Iterable[DocumentedRemedy]) -> Mapping[str, Sequence[DocumentedRefusal]]:
    """Return what each code means, by its name. The engine's own codes have no remedies."""
    users: dict[RefusalCode, list[str]] = {code: [] for code in ENGINE_CODES}
    for remedy in remedies:
        for code in remedy.model.refusals:
            users.setdefault(code, []).append(remedy.kind)
    found = (DocumentedRefusal(code, tuple(kinds)) for code, kinds in users.items())
    ordered = sorted(found, key=lambda each: each.code.name)
    return {name: tuple(group) for name, group in groupby(ordered, key=lambda each: each.code.name)}


def commands_page(project: Project) -> str:
    """Return the page of all commands, as Markdown."""
    listed = sorted(commands(project), key=lambda each: (each.name.rpartition(".")[0], each.name))
    # A check is its fix with --plan.
    shown = [each for each in listed if not each.name.startswith("check.")]
    groups = {name: tuple(group) for name, group in groupby(shown, key=lambda each: each.name.rpartition(".")[0])}
    return rendered("commands.md.j2", groups=groups, run=RUN, own=_own, written=_written)


def remedies_page(project: Project) -> str:
    """Return the page of all remedies, as Markdown."""
    return rendered("remedies.md.j2", remedies=documented_remedies(project))


def refusals_page(project: Project) -> str:
    """Return the page of all refusal codes, as Markdown."""
    return rendered("refusals.md.j2", refusals=documented_refusals(documented_remedies(project)))


def _own(command: Command) -> tuple[Flag, ...]:
    """Return its flags, without those of every run."""
    return tuple(flag for flag in command.flags if flag not in RUN) if command.is_run else command.flags


def _written(flag: Flag) -> str:
    """Return a flag as it is typed."""
    if flag.positional:
        return flag.name.upper()
    return ", ".join(f"{'-' if len(name) == 1 else '--'}{name}" for name in flag.names)
