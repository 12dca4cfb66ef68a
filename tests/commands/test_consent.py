"""The words of consent, and runs in which nobody is asked."""

import io
from threading import Event

import pytest

from remediate.commands.consent import accepted_names, consent
from remediate.commands.terminal import Terminal
from remediate.core.host import Host, SshTarget
from remediate.core.options import Options
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter


def test_nobody_is_asked_once_the_run_is_to_stop() -> None:
    err, stop = io.StringIO(), Event()
    stop.set()
    refusal = consent(Terminal(MaskedWriter(None, Masker()), MaskedWriter(err, Masker()), True), (), Options(), stop)
    assert refusal is not None
    assert err.getvalue() == ""


def host(name: str, *groups: str) -> Host:
    return Host(name=name, groups=groups, ssh=SshTarget(address="192.0.2.1"))


@pytest.mark.parametrize(
    ("hosts", "accepted"),
    [
        ([host("web1")], ("web1",)),
        ([host("web1", "all", "ungrouped")], ("web1",)),
        ([host("web1", "all", "prod", "app")], ("web1", "app", "prod")),
        ([host("web1", "web1", "all")], ("web1",)),
        ([host("web1", "all", "prod", "a"), host("web2", "all", "prod", "b")], ("prod",)),
        ([host("web1", "all", "a"), host("web2", "all", "b")], ("all",)),
        ([host("web1"), host("web2")], ("web1, web2",)),
    ],
)
def test_what_may_be_typed(hosts: list[Host], accepted: tuple[str, ...]) -> None:
    assert accepted_names(hosts) == accepted
