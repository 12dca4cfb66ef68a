"""staging.up, without a container engine."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from remediate.commands import staging
from remediate.commands.terminal import Terminal
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.project.project import Project
from remediate.rehearsal.placement import Placement, Ports


@pytest.mark.parametrize("name", ["staging", "staging-b", "db"])
def test_a_staging_host_of_any_name_gets_its_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The inventory of `staging.up --name db` is not called staging-something."""
    (tmp_path / "pyproject.toml").write_text("[tool.remediate]\n")
    (tmp_path / "inventories").mkdir()
    given: list[str] = []
    sink = MaskedWriter(io.StringIO(), Masker())
    terminal = Terminal(out=sink, err=sink, interactive=False)

    def up(name: str, *, directory: Path, inventory: Path, installation: Any, **_: object) -> object:
        ports = Ports(ssh=2222, http=8080, https=8443)
        Placement(name, directory, inventory).write_inventory(ports, f"SHA256:{43 * 'A'}")
        given.append(installation(name))
        return SimpleNamespace(name=name, ports=ports)

    monkeypatch.setattr(staging, "up", up)
    assert staging.bring_up({"name": name}, Project(tmp_path), terminal) == 0
    assert "sudoers.d" in given[0]
