"""docs/examples/django: a user's project for a Django host, without a host."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.doc_pages import ROOT
from support.first_remedy import carry_out
from support.stubs import stub

EXAMPLE = ROOT / "docs/examples/django"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("shop") / "project"))


def test_its_own_tests_pass(project: Path) -> None:
    assert "4 passed" in carry_out(project, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_its_types_are_right(project: Path) -> None:
    carry_out(project, "mypy", "--strict", "--explicit-package-bases", "playbooks", "tests")


def test_its_host_gets_the_rules_of_its_services_and_none_of_php(project: Path) -> None:
    lines = carry_out(project, "remediate", "sudoers", "--host", "shop1").splitlines()
    rules = [line.partition("NOPASSWD: ")[2] for line in lines if "NOPASSWD: " in line]
    units = ("shop-web", "shop-worker", "nginx", "redis-server")
    assert {f"/usr/bin/systemctl restart {unit}.service" for unit in units} <= set(rules)
    assert not [rule for rule in rules if "php" in rule]


@pytest.mark.parametrize(("status", "imported"), [(0, 'import --change CMD ["/sbin/init"] --quiet TAR a/b\n'), (1, "")])
def test_no_image_is_made_of_a_build_that_failed(tmp_path: Path, status: int, imported: str) -> None:
    programs, temporary = tmp_path / "bin", tmp_path / "tmp"
    temporary.mkdir()
    programs.mkdir()
    built = f'for last; do :; done; [ {status} != 0 ] || echo TAR > "$last"; exit {status}'
    engine = f'echo "$1 $2 $3 $4 $(cat "$5") $6" > {tmp_path}/imported'
    for name, script in {"mmdebstrap": built, "engine": engine}.items():
        stub(programs / name, script)
    ended = subprocess.run(
        ("sh", EXAMPLE / "image/build.sh", "a/b", "engine", "--quiet"),
        check=False,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(temporary)},
    )
    said = tmp_path / "imported"
    assert (ended.returncode, said.read_text() if said.exists() else "") == (status, imported)
    assert not list(temporary.iterdir())


def test_the_page_shows_what_the_files_hold() -> None:
    page = (ROOT / "docs/django.md").read_text()
    inventory = (EXAMPLE / "inventories/prod.yml").read_text()
    assert f"```yaml\n{inventory}```" in page
    code = (EXAMPLE / "playbooks/shop_down.py").read_text()
    shown = [block.partition("```")[0] for block in page.split("```python\n")[1:]]
    assert len(shown) == 2
    for line in "".join(shown).splitlines():
        assert line in code.splitlines()
