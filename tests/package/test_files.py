"""The wheel and the sdist: what is in them, and what is not."""

import subprocess
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path, PurePosixPath

import pytest

from remediate import __version__
from support.packaged import ROOT, UV, Package, carry_out, locked

pytestmark = pytest.mark.package

MOVED = {"playbooks": "remediate/playbooks", "docs/rehearsals": "remediate/rehearsals"}
"""Directories of the repository that lie elsewhere in the wheel."""


def contents(archive: Path) -> dict[str, bytes]:
    """Return the files of a wheel or an sdist; an sdist's without its own directory."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            return {name: file.read(name) for name in file.namelist()}
    with tarfile.open(archive) as file:
        found = {member.name.partition("/")[2]: file.extractfile(member) for member in file.getmembers()}
        return {name: data.read() for name, data in found.items() if data is not None}


def repository() -> dict[str, bytes]:
    """Return the files of the repository; links are no files of their own."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    paths = {name: ROOT / name for name in names if name}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file() and not path.is_symlink()}


def metadata(package: Package) -> Message:
    files = contents(package.wheel)
    return message_from_bytes(files[f"remediate-{__version__}.dist-info/METADATA"])


def test_the_wheel_holds_the_package_and_nothing_else(package: Package) -> None:
    there = contents(package.wheel)
    for name in [name for name in there if ".dist-info/" in name]:
        del there[name]
    wanted = {name: data for name, data in repository().items() if name.startswith("remediate/")}
    for directory, place in MOVED.items():
        below = {name: data for name, data in repository().items() if name.startswith(f"{directory}/")}
        wanted |= {f"{place}/{PurePosixPath(name).relative_to(directory)}": data for name, data in below.items()}
    assert sorted(there) == sorted(wanted)
    assert [name for name, data in there.items() if data != wanted[name]] == []
    assert not [name for name in there if PurePosixPath(name).name.startswith("test_") and name.endswith(".py")]


def test_the_sdist_holds_the_repository_and_nothing_that_is_made_on_a_machine(package: Package) -> None:
    there = contents(package.sdist)
    del there["PKG-INFO"]
    wanted = {name: data for name, data in repository().items() if not name.startswith(".ci/")}
    assert sorted(there) == sorted(wanted)
    assert [name for name, data in there.items() if data != wanted[name]] == []


def test_the_sdist_and_the_checkout_make_the_same_wheel(package: Package, tmp_path: Path) -> None:
    carry_out(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.read_bytes() == package.wheel.read_bytes()


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_no_path_of_the_machine_that_built_it_is_in_it(package: Package, kind: str) -> None:
    archive = package.wheel if kind == "wheel" else package.sdist
    where = (str(ROOT), str(Path(carry_out(UV, "cache", "dir").strip())))
    assert [name for name, data in contents(archive).items() if any(each.encode() in data for each in where)] == []


def test_the_metadata_is_complete_and_the_readme_renders(package: Package) -> None:
    locked("twine", "check", "--strict", package.wheel, package.sdist)
    said = metadata(package)
    assert said["Version"] == __version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said["Requires-Python"] == ">=3.11"
    assert {"Typing :: Typed", "Framework :: Pytest"} <= {*said.get_all("Classifier", [])}
    assert b"Apache License" in contents(package.wheel)[f"remediate-{__version__}.dist-info/licenses/LICENSE"]


def test_the_changelog_has_a_part_for_this_version_or_for_the_next() -> None:
    parts = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert parts[0] == "## Unreleased" or parts[0].startswith(f"## {__version__} - ")
