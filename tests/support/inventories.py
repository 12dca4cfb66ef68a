"""Inventories as text, and what a test says of what they select."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from remediate.core.host import Host
from remediate.errors import ConfigurationError
from remediate.inventory.ansible_values import SourceLocation
from remediate.inventory.selection import Inventory

HERE = SourceLocation(Path("x.yml"), 1)
CANARY = "hunter2"


HOST = "all:\n  hosts:\n    web1:\n      "

Write = Callable[[Mapping[str, str]], Path]


def refusal(action: Callable[[], object]) -> str:
    """The message of the ConfigurationError that `action` raises: always one printable line without a secret."""
    with pytest.raises(ConfigurationError) as caught:
        action()
    message = str(caught.value)
    assert message.isprintable()
    assert message
    assert CANARY not in message
    assert "pydantic" not in message
    return message


def select(folder: Path, pattern: str = "all", *names: str) -> tuple[Host, ...]:
    return Inventory.load([folder / name for name in names or ("i.yml",)]).select(pattern)


def names(hosts: tuple[Host, ...]) -> str:
    return " ".join(host.name for host in hosts)


FLEET = """
all:
  children:
    web: {hosts: {web1: , web2: , web10: }}
    db: {hosts: {db1: , db2: }}
    everything: {children: {web: , db: }}
    empty:
    solo: {hosts: {solo: }}
    clash: {hosts: {web1: , db1: }}
  hosts: {clash: , apart: }
"""
