"""Arguments of the library's entry point, checked before any host is touched."""

import getpass
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import remediate
from remediate.engine.fleet import operator_name
from remediate.errors import ConfigurationError
from remediate.playbooks.app_down import app_down


def test_the_operator_is_a_name_and_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ana")
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    assert operator_name() == "ana@laptop"


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 1234"), OSError("No username set")])
def test_an_operator_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(getpass, "getuser", _raising(error))
    monkeypatch.setattr("os.getuid", lambda: 1234)
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    assert operator_name() == "uid1234@laptop"


def test_no_host_is_said_so(tmp_path: Path, state: Path) -> None:
    with pytest.raises(ConfigurationError, match="app-down: no host is given"):
        remediate.run(app_down, ())
    assert not (tmp_path / "state").exists()


def _raising(error: Exception) -> Callable[[], str]:
    def call() -> str:
        raise error

    return call
