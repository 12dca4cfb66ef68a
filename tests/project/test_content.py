"""The content digest of a playbook."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.playbooks.app_down import app_down
from remediate.project import content
from remediate.rehearsal.content import digest

REMEDY = '''
    """An own remedy, beside the playbook that uses it."""
    from typing import Literal

    from remediate.remedies.nginx import RestartNginx


    class Kick(RestartNginx):
        """Kick it."""

        kind: Literal["shop.kick"] = "shop.kick"
'''
PLAYBOOK = '''
    from collections.abc import Iterable

    from remediate.core.host import Host
    from remediate.core.playbook import Severity, playbook
    from shop_remedies import Kick


    @playbook(severity=Severity.SEV2, symptoms=lambda host: ())
    def shop_down(host: Host) -> Iterable[Kick]:
        """Wake the shop."""
        yield Kick()
'''
ASK = """
import sys
from pathlib import Path
from remediate.project.project import Project
from remediate.rehearsal.content import digest
for name in sys.argv[2:]:
    __import__(name)
print(digest(Project(Path(sys.argv[1])).load(Path(sys.argv[1]).name)))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop-down"
    (root / "playbooks").mkdir(parents=True)
    (root / "playbooks/shop_down.py").write_text(textwrap.dedent(PLAYBOOK))
    (root / "library").mkdir()
    (root / "library/shop_remedies.py").write_text(textwrap.dedent(REMEDY))
    (root / "pyproject.toml").write_text("[tool.remediate]\n")
    return root


def asked(root: Path, *imports: str, seed: str = "0") -> str:
    """Ask another process for the digest of the project's playbook."""
    done = subprocess.run(
        (sys.executable, "-c", ASK, str(root), *imports),
        env={"PYTHONPATH": str(root / "library"), "PYTHONHASHSEED": seed, "HOME": str(root)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_it_is_the_same_in_every_process_whatever_else_that_has_imported(shop: Path) -> None:
    first = asked(shop)
    assert len(first) == 64
    assert asked(shop, seed="7") == first
    assert asked(shop, "remediate.cli", "remediate.remedies.supervisor", "remediate.commands.pytest_plugin") == first


def test_it_is_the_same_wherever_the_project_lies(shop: Path, tmp_path: Path) -> None:
    first = asked(shop)
    (tmp_path / "elsewhere").mkdir()
    assert asked(shop.rename(tmp_path / "elsewhere" / "shop-down")) == first


def test_code_that_is_in_no_file_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = sys.modules[app_down.__module__]
    monkeypatch.setattr(module, "__file__", str(tmp_path / "gone.py"))
    with pytest.raises(ConfigurationError, match=r"gone\.py cannot be read: No such file"):
        digest(app_down)
    monkeypatch.delattr(module, "__file__")  # As in a session at a prompt.
    with pytest.raises(ConfigurationError, match=r"the code of remediate\.playbooks\.app_down is in no file"):
        digest(app_down)


@pytest.mark.parametrize("file", ["playbooks/shop_down.py", "library/shop_remedies.py"])
def test_a_project_s_own_playbook_and_remedy_count(shop: Path, file: str) -> None:
    first = asked(shop)
    (shop / file).write_text((shop / file).read_text() + "\n# another word\n")
    assert asked(shop) != first


@pytest.mark.parametrize(
    "module",
    [
        "remediate.playbooks.app_down",
        "remediate.remedies.php_fpm",
        "remediate.remedies.systemd",
        "remediate.probes.php_fpm",
        "remediate.probes.config",
        "remediate.engine.judge",
        "remediate.engine.host_runner",
        "remediate.engine.stability",
        "remediate.engine.unchanged",
        "remediate.transport.acted",
    ],
)
def test_the_playbook_its_remedies_its_probes_and_the_engine_count(
    module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = digest(app_down)
    path = Path(str(sys.modules[module].__file__)) if module in sys.modules else None
    assert path is not None
    copy = tmp_path / path.name
    copy.write_text(path.read_text() + "\n# another word\n")
    monkeypatch.setattr(sys.modules[module], "__file__", str(copy))
    assert digest(app_down) != first


def test_a_program_that_a_probe_sends_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    package = sys.modules["remediate.probes.php"]
    read = {path.name for path in content._files(package)}
    assert read > {"__init__.py"}
    first = digest(app_down)
    monkeypatch.setattr(content, "_files", lambda module: iter((Path(str(module.__file__)),)))
    assert digest(app_down) != first


@pytest.mark.parametrize(
    "module", ["remediate.cli", "remediate.report.text", "remediate.masking.masker", "remediate.remedies"]
)
def test_what_has_no_say_in_it_does_not_count(module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = digest(app_down)
    (tmp_path / "other.py").write_text("# another\n")
    __import__(module)
    monkeypatch.setattr(sys.modules[module], "__file__", str(tmp_path / "other.py"))
    assert digest(app_down) == first
