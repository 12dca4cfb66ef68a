"""What a line of the command line begins: connections first, then all that is validated."""

import io
from pathlib import Path
from typing import Final

import pytest

from remediate.commands.given import beginning
from remediate.commands.terminal import Terminal
from remediate.core.host import Host, SshTarget
from remediate.errors import ConfigurationError
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.project.project import Project

PIN: Final = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
INVENTORY: Final = f"""
web:
  hosts:
    web1: {{ansible_host: 192.0.2.1, ansible_user: forge, ansible_port: 2222}}
    web2: {{ansible_host: 192.0.2.2, remediate: {{host_key: "{PIN}"}}}}
    web3: {{ansible_host: 192.0.2.3, ansible_connection: local}}
    wrong: {{ansible_host: 192.0.2.4, remediate: {{nginx_unitt: nginx}}}}
    unpinned: {{ansible_host: 192.0.2.5, remediate: {{host_key: [1]}}}}
"""


class Dialled:
    """The connections that were begun, and those that were given up."""

    def __init__(self) -> None:
        self.begun: list[SshTarget] = []
        self.abandoned: list[SshTarget] = []

    def __call__(self, target: SshTarget, *_: object) -> "Dialled.One":
        self.begun.append(target)
        return Dialled.One(self, target)

    class One:
        def __init__(self, all_of_them: "Dialled", target: SshTarget) -> None:
            self._all = all_of_them
            self._target = target

        def abandon(self) -> None:
            self._all.abandoned.append(self._target)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> Dialled:
    there = Dialled()
    monkeypatch.setattr("remediate.transport.dialing.Dialling", there)
    return there


def begin(tmp_path: Path, **flags: object) -> tuple[tuple[Host, ...], str]:
    """Begin a run; return its hosts and what was said on standard error."""
    inventory, said = tmp_path / "prod.yml", io.StringIO()
    inventory.write_text(INVENTORY)
    terminal = Terminal(MaskedWriter(io.StringIO(), Masker()), MaskedWriter(said, Masker()), interactive=False)
    with beginning({"inventory": str(inventory), **flags}, Project(None), terminal) as begun:
        return begun.hosts, said.getvalue()


def test_a_connection_has_all_of_the_address_and_is_closed_if_nobody_asked_for_it(
    tmp_path: Path, dialled: Dialled
) -> None:
    hosts, said = begin(tmp_path, host="web1,web2")
    assert dialled.begun == [host.ssh for host in hosts]
    assert {*dialled.abandoned} == {*dialled.begun}
    assert dialled.begun[0] == SshTarget(address="192.0.2.1", user="forge", port=2222)
    assert dialled.begun[1] == SshTarget(address="192.0.2.2", host_key=PIN)
    assert said == "        ... connecting to web1, web2\n"


@pytest.mark.parametrize(
    ("host", "told", "address"),
    [
        ("wrong", "unknown key; did you mean nginx_unit?", SshTarget(address="192.0.2.4")),
        # A pin that cannot be read is never taken for none.
        ("unpinned", "host_key", SshTarget(address="192.0.2.5", host_key="")),
    ],
)
def test_settings_are_validated_meanwhile(
    tmp_path: Path, dialled: Dialled, host: str, told: str, address: SshTarget
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        begin(tmp_path, host=host)
    assert dialled.begun == dialled.abandoned == [address]


@pytest.mark.parametrize("host", ["web3", "web9", "web1,web3"])
def test_what_is_wrong_with_an_address_connects_to_nothing(tmp_path: Path, dialled: Dialled, host: str) -> None:
    with pytest.raises(ConfigurationError):
        begin(tmp_path, host=host)
    assert dialled.begun == []


@pytest.mark.parametrize(
    ("flags", "begun"),
    [
        ({"forks": "1"}, 1),
        ({"forks": "2"}, 2),
        ({"forks": "999"}, 2),
        # Whether it can be overridden is known once the playbook is imported.
        ({"override": ["unreadable=I looked"]}, 0),
    ],
)
def test_no_more_connections_than_were_asked_for(
    tmp_path: Path, dialled: Dialled, flags: dict[str, object], begun: int
) -> None:
    hosts, _ = begin(tmp_path, host="web1,web2", **flags)
    assert [host.name for host in hosts] == ["web1", "web2"]
    assert len(dialled.begun) == begun


@pytest.mark.parametrize("forks", ["0", "none", "1000000000", "-1", "٣"])
def test_a_wrong_number_connects_to_nothing(tmp_path: Path, dialled: Dialled, forks: str) -> None:
    with pytest.raises(ConfigurationError, match="--forks"):
        begin(tmp_path, host="web1,web2", forks=forks)
    assert dialled.begun == []
