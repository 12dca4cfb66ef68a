"""The beginning of a run: connections first, then all that is validated."""

from pathlib import Path
from typing import Final

import pytest

from remediate.commands.given import Begun, beginning
from remediate.core.host import SshTarget
from remediate.errors import ConfigurationError
from remediate.inventory.selection import Inventory
from remediate.project.project import Project
from remediate.transport.dialing import Connections
from support.printed import Printed

PIN: Final = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
INVENTORY: Final = f"""
web:
  hosts:
    web1: {{ansible_host: 192.0.2.1, ansible_user: forge, ansible_port: 2222}}
    web2: {{ansible_host: 192.0.2.2, remediate: {{host_key: "{PIN}"}}}}
    web3: {{ansible_host: 192.0.2.3, ansible_connection: local}}
    templated: {{ansible_host: 192.0.2.6, remediate: "{{{{ shop }}}}"}}
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


def begin(tmp_path: Path, **flags: object) -> tuple[Begun, str]:
    """Begin a run; return it and what was said on standard error."""
    inventory, printed = tmp_path / "prod.yml", Printed()
    inventory.write_text(INVENTORY)
    with beginning({"inventory": str(inventory), **flags}, Project(None), printed.terminal) as begun:
        return begun, printed.err.getvalue()


def test_a_connection_has_all_of_the_address_and_is_closed_if_nobody_asked_for_it(
    tmp_path: Path, dialled: Dialled
) -> None:
    run, said = begin(tmp_path, host="web1,web2")
    assert dialled.begun == [host.ssh for host in run.hosts]
    assert {*dialled.abandoned} == {*dialled.begun}
    assert dialled.begun[0] == SshTarget(address="192.0.2.1", user="forge", port=2222)
    assert dialled.begun[1] == SshTarget(address="192.0.2.2", host_key=PIN)
    assert said == "        ... connecting to web1, web2\n"


def test_settings_are_validated_meanwhile(tmp_path: Path, dialled: Dialled) -> None:
    with pytest.raises(ConfigurationError, match="unknown key; did you mean nginx_unit"):
        begin(tmp_path, host="wrong")
    assert dialled.begun == dialled.abandoned == [SshTarget(address="192.0.2.4")]


@pytest.mark.parametrize(("host", "told"), [("unpinned", "host_key"), ("templated", "is a template")])
def test_a_pin_that_cannot_be_read_is_never_taken_for_none(
    tmp_path: Path, dialled: Dialled, host: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        begin(tmp_path, host=host)
    assert dialled.begun == []


def test_a_host_with_two_addresses_is_not_connected_to(tmp_path: Path, dialled: Dialled) -> None:
    for name, address in (("one", "192.0.2.1"), ("two", "192.0.2.2")):
        (tmp_path / f"{name}.yml").write_text(f"all: {{hosts: {{web1: {{ansible_host: {address}}}}}}}\n")
    inventory = Inventory.load([tmp_path / "one.yml", tmp_path / "two.yml"])
    with Connections() as connect, pytest.raises(ConfigurationError, match="differ in its ssh"):
        inventory.select("web1", addressed=connect.begin)
    assert dialled.begun == []


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
    run, _ = begin(tmp_path, host="web1,web2", **flags)
    assert [host.name for host in run.hosts] == ["web1", "web2"]
    assert len(dialled.begun) == begun


def test_a_number_in_another_form_is_what_it_was_validated_as(tmp_path: Path, dialled: Dialled) -> None:
    run, _ = begin(tmp_path, host="web1,web2", forks="+1")
    assert run.options.forks == 1
    assert len(dialled.begun) == 1


@pytest.mark.parametrize(
    ("flag", "value"),
    [("forks", "0"), ("forks", "none"), ("forks", "1001"), ("hold", "x"), ("wait", "soon"), ("reason", "a\nb")],
)
def test_a_wrong_value_connects_to_nothing(tmp_path: Path, dialled: Dialled, flag: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--{flag}"):
        begin(tmp_path, host="web1,web2", **{flag: value})
    assert dialled.begun == []
