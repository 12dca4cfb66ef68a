"""Names: which are public, that importing the package is cheap, and that no two classes share one."""

import ast
import importlib
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

import remediate

PACKAGE: Final = Path(remediate.__file__).parent


@pytest.mark.parametrize("name", remediate.__all__)
def test_every_public_name_is_there(name: str) -> None:
    thing = getattr(remediate, name)
    assert thing is not None
    assert name in dir(remediate)


def test_what_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(remediate, "nothing")  # noqa: B009  # mypy knows that it is not there


def test_importing_the_package_imports_nothing_of_it() -> None:
    code = "import sys, remediate; print([name for name in sys.modules if name.startswith('remediate.')])"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "package", [path.parent for path in sorted(PACKAGE.glob("*/__init__.py"))], ids=lambda p: p.name
)
def test_a_package_does_not_import_its_modules(package: Path) -> None:
    public = {"testing"}  # its names are shown in the documentation
    imports = [
        node.module
        for node in ast.parse((package / "__init__.py").read_text()).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"remediate.{package.name}.")
    ]
    assert imports == [] or package.name in public


def test_class_names_are_unique() -> None:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].add(path.relative_to(PACKAGE).as_posix())
    assert {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1} == {}


def test_what_one_s_own_remedies_and_playbooks_import_is_there() -> None:
    for module in ("remediate.rehearsal.case", "remediate.rehearsal.faults", "remediate.testing"):
        assert importlib.import_module(module).__doc__
