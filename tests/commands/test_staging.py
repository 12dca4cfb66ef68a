"""staging.up, without a container engine."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from remediate.commands import staging
from remediate.commands.given import text_of
from remediate.commands.rehearse import container, described
from remediate.commands.terminal import Terminal
from remediate.errors import ConfigurationError
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.project.project import Project
from remediate.rehearsal import places
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


@pytest.mark.parametrize(
    ("named", "flags", "image"),
    [
        ("", {}, None),
        ('image = "localhost/shop"\n', {}, "localhost/shop"),
        ('image = "localhost/shop"\n', {"image": "localhost/other"}, "localhost/other"),
    ],
)
def test_a_project_may_name_its_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, flags: dict[str, object], image: str | None
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.remediate]\n{named}")
    project, taken = Project(tmp_path), list[str | None]()
    sink = MaskedWriter(io.StringIO(), Masker())

    def up(name: str, *, image: str | None, **_: object) -> object:
        taken.append(image)
        return SimpleNamespace(name=name, ports=Ports(ssh=2222, http=8080, https=8443))

    monkeypatch.setattr(staging, "up", up)
    monkeypatch.setattr(places, "up", up)
    monkeypatch.setattr(places, "select", lambda *_: (described(project),))
    staging.bring_up(flags, project, Terminal(out=sink, err=sink, interactive=False))
    container("rehearsal-1", project, text_of(flags, "image")).fresh()
    assert taken == [image, image]


@pytest.mark.parametrize("image", ["7", '""', '"-v"', '"a b"', "[]"])
def test_an_image_without_a_name_is_one_line(tmp_path: Path, image: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.remediate]\nimage = {image}\n")
    with pytest.raises(ConfigurationError, match="image takes the name of a container image"):
        Project(tmp_path).image()
