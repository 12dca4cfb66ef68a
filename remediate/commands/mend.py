"""fix.*, check.* and do.*: run a playbook or a remedy from the command line."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remediate import __version__
from remediate.commands.terminal import Terminal, stoppable
from remediate.errors import ConfigurationError, one_line
from remediate.fleet import operator_name, run, select
from remediate.host import Host
from remediate.options import Options
from remediate.outcome import USAGE_EXIT_CODE, Mode, Problem, Report, RunVerdict, Touched
from remediate.playbook import Cure, Parametrized, Playbook
from remediate.project import Project
from remediate.report.text import TextReporter
from remediate.run_id import new_run_id
from remediate.verdict import ENGINE_CODES

Flags = Mapping[str, object]

_NOTHING_SEEN = frozenset({USAGE_EXIT_CODE, RunVerdict.UNREACHABLE.exit_code})

OPTIONS = ("plan", "yes", "hold", "timeout", "wait", "max_hosts", "reason", "incident")


def mend(cure: Cure, flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Run it, tell it, and return the exit code."""
    options = options_of(flags)
    hosts = select(target_of(flags), inventory_of(flags, project), warn=terminal.warn)
    _known_overrides(cure, hosts, options)
    narrative = terminal.err if flags.get("json") else terminal.out
    reporter = TextReporter(
        narrative, terminal.err, program=program, inventory=text_of(flags, "inventory"), incident=options.incident
    )
    with stoppable() as stop:
        report = run(
            cure,
            hosts,
            reporter=reporter,
            consent=partial(terminal.consent, stop=stop),
            stop=stop,
            options=options,
            journal=project.journal(),
            project=None if options.incident is None else project.identity(),
        )
    if flags.get("json"):
        terminal.say(report.model_dump_json(by_alias=True))
    if options.plan and report.exit_code not in _NOTHING_SEEN and (doubt := _unproven(cure, project)):
        narrative.write(f"        {cure.name}: {doubt}; prove it with {program} rehearse.{cure.name}\n")
    if report.error is not None:
        terminal.err.write(f"{program}: {report.error.message}\n")
    return report.exit_code


def _unproven(cure: Cure, project: Project) -> str | None:
    if not isinstance(cure, Playbook | Parametrized):
        return None
    from remediate.rehearsal.content import unrehearsed

    return unrehearsed(cure if isinstance(cure, Playbook) else cure.playbook, project)


class Failure(BaseModel):
    """The `--json` document of a command that is no run and came to nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    schema_: str = Field(default="remediate.error/1", alias="schema")
    error: str
    exit_code: int


def failure(message: str, code: int) -> str:
    """Return that document."""
    return Failure(error=message, exit_code=code).model_dump_json(by_alias=True)


def usage_report(name: str, message: str, *, plan: bool, code: int = USAGE_EXIT_CODE) -> str:
    """Return the `--json` document of a run that was refused as wrong usage, or could not begin."""
    report = Report(
        version=__version__,
        run=new_run_id(),
        mode=Mode.PLAN if plan else Mode.FIX,
        playbook=name,
        operator=operator_name(),
        started=datetime.now(UTC),
        seconds=0,
        verdict=None,
        exit_code=code,
        touched=Touched.NO,
        error=Problem(code="usage", message=message),
    )
    return report.model_dump_json(by_alias=True)


def options_of(flags: Flags) -> Options:
    """Convert the flags. Raises ConfigurationError naming the flag and what it accepts."""
    given = {name: flags[name] for name in OPTIONS if flags.get(name) not in {None, False}}
    try:
        return Options.model_validate({**given, "overrides": dict(map(_override, _texts(flags.get("override"))))})
    except ValidationError as error:
        detail = error.errors()[0]
        if detail["type"] in {"float_parsing", "int_parsing"}:
            flag = str(detail["loc"][0]).replace("_", "-")
            raise ConfigurationError(f"--{flag} takes a number, not {detail['input']!r}") from None
        raise ConfigurationError(f"--{one_line(error).replace('_', '-')}") from None


def target_of(flags: Flags) -> str:
    """Return what --host names. Raises ConfigurationError when it is missing."""
    target = flags.get("host")
    if not isinstance(target, str):
        raise ConfigurationError("--host is missing: name a host, a group or a pattern of the inventory")
    return target


def inventory_of(flags: Flags, project: Project) -> tuple[Path, ...]:
    """Return the inventories to read: the one given, else the project's."""
    given = flags.get("inventory")
    return (Path(given),) if isinstance(given, str) else project.inventories()


def _override(text: str) -> tuple[str, str]:
    code, equals, why = text.partition("=")
    if not equals or not why.strip():
        raise ConfigurationError(f"--override takes CODE=why, not {text!r}")
    return code, why


def text_of(flags: Flags, name: str) -> str | None:
    """Return what was given for a flag, None when it was not."""
    value = flags.get(name)
    return value if isinstance(value, str) else None


def file_of(flags: Flags, name: str) -> Path | None:
    """Return the file that a flag names, to be written. Raises ConfigurationError when it cannot be."""
    given = text_of(flags, name)
    if given is None:
        return None
    path = Path(given)
    if not path.parent.is_dir() or path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(f"--{name}: {given} cannot be written")
    return path


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _known_overrides(cure: Cure, hosts: Sequence[Host], options: Options) -> None:
    """Raise ConfigurationError for a code that nothing in this run can refuse with, or that is not for overriding."""
    if not options.overrides:
        return
    remedies = [remedy for host in hosts for remedy in cure(_with_php(host, cure)).remedies]
    codes = {*ENGINE_CODES, *(code for remedy in remedies for code in remedy.refusals)}
    known = {code.name for code in codes}
    possible = sorted({code.name for code in codes if code.overridable})
    for name in options.overrides:
        if name not in possible:
            what = f"{name} cannot be overridden" if name in known else f"{cure.name} has no refusal code {name!r}"
            raise ConfigurationError(f"--override: {what}; it can override: {', '.join(possible) or 'nothing'}")


def _with_php(host: Host, cure: Cure) -> Host:
    """Stand in for the PHP that is only discovered on the host: codes do not depend on which one it is."""
    if host.settings.php is not None or not cure.discovers:
        return host
    return host.model_copy(update={"settings": host.settings.model_copy(update={"php": "php0"})})
