# ruff: noqa: S101  # pytest shows a failed assertion, and tests do not run under -O.
"""Checks of a remedy's declarations: its class, its value, its questions and its commands."""

import pickle
import re
from collections.abc import Iterator
from typing import Final, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from remediate.core.command import Run
from remediate.core.host import Host, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.verdict import ENGINE_CODES
from remediate.engine.surveyor import SURVEY_SECONDS
from remediate.errors import one_line
from remediate.privileges.sudoers import render
from remediate.transport.script import Fence

_KIND: Final = re.compile(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*")


_INTERPRETERS: Final = frozenset({"sh", "bash", "dash", "zsh", "env", "python3", "perl", "php", "sudo", "su", "xargs"})
"""Programs for which a sudo rule would allow any command."""


def check_class(kind_of: type[Remedy]) -> None:
    """Check the declarations of its class: kind, fields, codes."""
    name = kind_of.__name__
    assert (kind_of.__dict__.get("__doc__") or "").strip(), f"{name} has no docstring of its own: it is its help text"
    kind = kind_of.model_fields["kind"]
    assert get_args(kind.annotation) == (kind.default,), f"{name}.kind must be a Literal with itself as the default"
    assert _KIND.fullmatch(str(kind.default)), f"{name}.kind is {kind.default!r}, not <tool>.<verb> in lower case"
    for field, info in kind_of.model_fields.items():
        assert field == "kind" or info.description, f"{name}.{field} has no description: it is a flag's help text"
    for other in _subclasses(Remedy):  # type: ignore[type-abstract]  # Only its subclasses are used.
        same = other is kind_of or (other.__module__, other.__qualname__) == (kind_of.__module__, kind_of.__qualname__)
        taken = not same and "kind" in other.model_fields and other.model_fields["kind"].default == kind.default
        assert not taken, f"{other.__module__}.{other.__qualname__} is {kind.default!r} already"
    codes = [code.name for code in kind_of.refusals]
    assert len(codes) == len(set(codes)), f"{name}.refusals lists a code twice"
    engine = {code.name for code in ENGINE_CODES}
    assert engine.isdisjoint(codes), f"{name}.refusals uses the engine's own {sorted(engine.intersection(codes))}"
    for needed in kind_of.after:
        assert _KIND.fullmatch(needed), f"{name}.after lists {needed!r}, which is not a kind"


def _subclasses(root: type[Remedy]) -> Iterator[type[Remedy]]:
    for each in root.__subclasses__():
        yield each
        yield from _subclasses(each)


def check_value(remedy: Remedy) -> None:
    """Check that it is a value: equal, hashable, in JSON, without its secrets."""
    assert remedy == remedy.model_copy(), "it does not equal its own copy"
    _in_json(remedy, "it")
    assert pickle.loads(pickle.dumps(remedy)) == remedy, "it does not survive pickle"  # noqa: S301  # our own bytes
    assert hash(remedy) == hash(remedy.model_copy(deep=True)), "two equal ones have different hashes"
    named = type(remedy).title is not Remedy.title or hasattr(remedy, "subject")
    assert named, "it has neither a `subject` nor a title()"
    assert remedy.title().strip(), "title() says nothing"
    assert remedy.title().isprintable(), "title() is more than one line"


def _in_json(value: BaseModel, name: str) -> None:
    """Check that its JSON in a report is complete, except for secrets."""
    text = value.model_dump_json()
    hidden = {field: secret for field, secret in value if isinstance(secret, SecretStr)}
    for field, secret in hidden.items():
        assert secret.get_secret_value() not in text, f"{name} shows its {field} in JSON"
    same = type(value).model_validate_json(text).model_copy(update=hidden)
    assert same == value, f"{name} does not survive JSON"


def check_questions(remedy: Remedy) -> None:
    """Check its probes: they are named, bounded and stable, and never change the host."""
    probes = remedy.probes()
    assert len(set(probes)) == len(probes), "probes() lists one twice"
    strangers = set(remedy.identity()).difference(probes)
    assert not strangers, f"identity() lists {strangers}, which probes() does not"
    for probe in probes:
        command = probe.command()
        assert command.seconds < SURVEY_SECONDS, f"{probe!r} may take longer than a whole survey"
        assert command == probe.command(), f"{probe!r} asks something else each time"
        named = type(probe).label is not Probe.label or hasattr(probe, "subject")
        assert named, f"{probe!r} has neither a `subject` nor a label()"
        assert probe.label().strip(), f"{probe!r}: label() says nothing"
        _in_json(probe, f"{probe!r}")
        assert pickle.loads(pickle.dumps(probe)) == probe, f"{probe!r} does not survive pickle"  # noqa: S301
        if isinstance(command, Run):
            _ticking(probe, command)
        assert command not in remedy.changes(), f"{probe!r} asks by running `{command}`, which is a change"
        if probe in remedy.identity():
            assert isinstance(command, Run), f"{probe!r} cannot be an identity: it is not asked on the host"


def _ticking(probe: Probe[Fact], command: Run) -> None:
    try:
        Fence(run=command, stdout="", volatile=probe.volatile)
    except ValidationError as error:
        raise AssertionError(
            f"{probe!r}: ticking {probe.volatile!r} is no part of an answer: {one_line(error)}"
        ) from error


def check_commands(remedy: Remedy) -> None:
    """Check its commands for other users: exact, listed, and no interpreter."""
    changes, privileges = remedy.changes(), remedy.privileges()
    asked = [command for probe in remedy.probes() if isinstance(command := probe.command(), Run)]
    for run in (*changes, *asked):
        if run.user is None:
            continue
        assert run in privileges, f"privileges() does not list `{run}`"
        assert run.argv[0].startswith("/"), f"`{run}` is privileged, so its program must be an absolute path"
        program = run.argv[0].rpartition("/")[2]
        assert run.verb or program not in _INTERPRETERS, f"`{run}`: a sudo rule for {program} is a rule for anything"
    extra = [run for run in privileges if run not in (*changes, *asked)]
    assert not extra, f"privileges() asks for `{extra[0]}`, which nothing uses"
    try:
        render(Host(name="web1", ssh=SshTarget(address="192.0.2.1")), "ops", privileges)
    except ValueError as error:
        raise AssertionError(f"no sudoers file can allow it: {error}") from error
