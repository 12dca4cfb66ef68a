"""The text of the inventory that `init` writes, and how it differs from what is there."""

import difflib
import math
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from remediate.commands.onboarding.found_key import FoundKey, Plain, Worth, settings_of
from remediate.core.host import Host, Settings
from remediate.inventory.ansible_values import shown

_WIDTH: Final = 100
_KEYS: Final = " " * 8
_TOPS: Final = ("all:", "remediate:")


def text_of(
    host: Host, facts: Sequence[str], unreadable: Sequence[str], keys: Sequence[FoundKey], now: datetime
) -> str:
    """Return the inventory of one host. `facts` and `unreadable` become comments at its top."""
    lines = [
        *_head(facts, unreadable, now),
        "all:",
        "  hosts:",
        f"    {_flow(host.name)}:",
        *(f"      {key}: {_flow(value)}" for key, value in _ssh(host)),
        "      remediate:",
    ]
    if host.ssh.host_key is not None:
        lines.append(f"{_KEYS}host_key: {_flow(host.ssh.host_key)}")
    for each in keys:
        lines += _lines(each, _KEYS)
    return "\n".join(lines) + "\n"


def variables_of(facts: Sequence[str], unreadable: Sequence[str], keys: Sequence[FoundKey], now: datetime) -> str:
    """Return the file of variables (`host_vars/`) of a host that an inventory has."""
    lines = [*_head(facts, unreadable, now), "remediate:"]
    for each in keys:
        lines += _lines(each, "  ")
    return "\n".join(lines) + "\n"


def _head(facts: Sequence[str], unreadable: Sequence[str], now: datetime) -> Iterator[str]:
    for line in (
        f"Written by `remediate init`, {now:%Y-%m-%d %H:%MZ}. It only read. Every key: docs/inventory.md",
        "found: read on the host; guessed: likely, look at it; set: the safe choice; tell: only you know it",
        *facts,
        *(f"not readable: {each}" for each in unreadable),
    ):
        yield from _comment(line)


def _lines(found: FoundKey, indent: str) -> Iterator[str]:
    yield from _comment(f"{found.worth.value}: {found.why}", indent)
    if found.also:
        yield from _comment(f"  also there: {'; '.join(found.also)}", indent)
    mark = "# " if found.worth is Worth.TELL else ""
    yield f"{indent}{mark}{found.key}: {_flow(found.value)}"


def _comment(text: str, indent: str = "") -> list[str]:
    """Return text as comment lines. What a host sent is made printable first."""
    plain = shown(text, 2000)
    began = f"{indent}# {' ' * (len(plain) - len(plain.lstrip()))}"
    return textwrap.wrap(
        plain.strip(),
        _WIDTH,
        initial_indent=began,
        subsequent_indent=f"{indent}#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _flow(value: Plain) -> str:
    """Return a value as YAML on one line. What a host sent is escaped if it holds line breaks or control characters."""
    text = _dumped(value, style=None)
    return text if text.isprintable() else _dumped(value, style='"')


def _dumped(value: Plain, style: str | None) -> str:
    text = yaml.safe_dump(
        value,
        default_flow_style=True,
        default_style=style,
        width=math.inf,
        allow_unicode=style is None,
        sort_keys=False,
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _ssh(host: Host) -> Iterator[tuple[str, Plain]]:
    """Yield Ansible's variables of a host's SSH address."""
    target = host.ssh
    if target.address != host.name:
        yield "ansible_host", target.address
    if target.port is not None:
        yield "ansible_port", target.port
    if target.user is not None:
        yield "ansible_user", target.user
    if target.key_file is not None:
        yield "ansible_ssh_private_key_file", str(target.key_file)
    arguments = ["-F", str(target.config_file)] if target.config_file else []
    arguments += ["-o", f"ProxyJump={','.join(target.jumps)}"] if target.jumps else []
    if arguments:
        yield "ansible_ssh_common_args", shlex.join(arguments)


def difference(path: Path, there: str, made: str) -> list[str]:
    """Return how the file that is there differs from what would be written.

    The comments above the first key are left out: they describe a moment, such as the use of disks.
    """
    lines = difflib.unified_diff(_below_head(there), _below_head(made), str(path), "found now", lineterm="", n=1)
    return [shown(line, 300) for line in lines]


def _below_head(text: str) -> list[str]:
    lines = text.splitlines()
    top = next((number for number, line in enumerate(lines) if line in _TOPS), 0)
    return lines[top:]


def comparison(there: Settings, keys: Sequence[FoundKey]) -> Iterator[str]:
    """Yield how an inventory that has the host differs from what was found, key by key."""
    made = settings_of(keys)
    known = {each.key for each in keys if each.worth is not Worth.TELL}
    for name in Settings.model_fields:
        stated, seen = getattr(there, name), getattr(made, name)
        if name in known and name in there.model_fields_set and stated != seen:
            yield f"{name}: the inventory says {_plain(stated)}, init would write {_plain(seen)}"
        elif name in known and name not in there.model_fields_set and stated != seen:
            yield f"{name}: not in the inventory; init would write {_plain(seen)}"
        elif name not in known and name in there.model_fields_set:
            yield f"{name}: only the inventory says it; init cannot see it on a host"


def _plain(value: object) -> str:
    """Return a value as it stands in an inventory."""
    dumped = value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, BaseModel) else value
    return shown(_flow(to_jsonable_python(dumped)), 200)
