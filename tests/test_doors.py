"""Every entry point leads to the same run: commands, library, fabfile, project."""

import pickle
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import remediate
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.playbooks.app_down import app_down
from support.outcomes import code

if TYPE_CHECKING:
    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = pytest.mark.container


def here(staged: "Staged") -> tuple[str, ...]:
    return ("--host", staged.name, "--inventory", str(staged.inventory))


@pytest.mark.parametrize("program", ["invoke", "remediate", "fab"])
def test_every_program_has_the_same_tasks(staged: "Staged", cli: "Cli", program: str) -> None:
    staged.spoil("php-fpm-stopped")

    ended = cli(program, "fix.app-down", *here(staged), "--hold", "3")

    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"app-down on {staged.name} (127.0.0.1)   run ")
    assert "FIXED in" in ended.out
    assert f"evidence: {program} runs.show" in ended.out
    assert staged.starts() == 1
    staged.serves()


def test_the_same_list_everywhere(staged: "Staged", cli: "Cli") -> None:
    lists = [cli(program, "--list") for program in ("invoke", "remediate", "fab")]
    names = [{line.split()[0] for line in ended.out.splitlines() if line.startswith("  ")} for ended in lists]
    assert names[0] == names[1] == names[2]
    assert {"fix.app-down", "check.app-down", "do.php-fpm.restart", "runs.show", "sudoers"} <= names[0]


def test_one_remedy(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")
    do = ("invoke", "do.php-fpm.restart", *here(staged), "--json", "--hold", "3")

    plan = cli(*do, "--plan")
    plan.is_("pending", 10)
    assert f"to do it: invoke do.php-fpm.restart --host {staged.name}" in plan.err
    assert staged.starts() == 0

    fixed = cli(*do, "--php", "php8.2")
    fixed.is_("fixed", 0, touched="yes")
    assert fixed.step().params["php"] == "php8.2"
    assert staged.starts() == 1
    cli(*do).is_("healthy", 0)
    cli(*do, "--php", "../php").usage("php-fpm.restart", "php")
    assert staged.starts() == 1


def test_a_unit_that_is_not_there(staged: "Staged", cli: "Cli") -> None:
    ended = cli("invoke", "do.php-fpm.restart", *here(staged), "--json", "--hold", "3", "--php", "php7.4")
    ended.refused("unit-missing")


def test_the_library(staged: "Staged", cli: "Cli", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(cli.home / "state"))
    monkeypatch.setenv("HOME", str(cli.home))
    staged.spoil("php-fpm-stopped")

    report = remediate.run(app_down, staged.name, inventory=staged.inventory, options=Options(hold=3))

    assert (report.verdict, report.exit_code) == (remediate.RunVerdict.FIXED, 0)
    assert pickle.loads(pickle.dumps(report)) == report  # noqa: S301  # our own bytes
    assert Report.model_validate_json(report.model_dump_json(by_alias=True)) == report
    assert staged.starts() == 1
    staged.serves()
    shown = cli("invoke", "runs.show", report.run)
    assert "FIXED" in shown.out


FABFILE = """
    import sys

    from fabric import Connection, task
    from remediate import Options, apply
    from remediate.remedies.php_fpm import RestartPhpFpm


    @task
    def mend(context, key, pin, port, opened=False):
        with Connection("127.0.0.1", user="forge", port=int(port), connect_kwargs={"key_filename": key}) as connection:
            if opened:
                connection.open()
            report = apply(RestartPhpFpm(php="php8.2"), connection, host_key=pin, options=Options(hold=3))
        print(report.model_dump_json(by_alias=True))
        sys.exit(report.exit_code)
"""


@pytest.fixture
def fabfile(staged: "Staged", cli: "Cli", tmp_path: Path) -> "Fabfile":
    directory = tmp_path / "plain"
    directory.mkdir()
    (directory / "fabfile.py").write_text(textwrap.dedent(FABFILE))
    return Fabfile(staged, cli, directory)


class Fabfile:
    """A fabfile that knows nothing of remediate's tasks."""

    def __init__(self, staged: "Staged", cli: "Cli", directory: Path) -> None:
        self._staged = staged
        self._cli = cli
        self._directory = directory

    def mend(self, pin: str, *flags: str) -> "Ended":
        host = self._staged.host
        flags = ("--key", str(host.key), "--pin", pin, "--port", str(host.ports.ssh), *flags)
        return self._cli("fab", "mend", *flags, cwd=self._directory)


@pytest.mark.parametrize("flags", [(), ("--opened",)], ids=["closed", "open"])
def test_a_plain_fabfile(staged: "Staged", fabfile: Fabfile, flags: tuple[str, ...]) -> None:
    staged.spoil("php-fpm-stopped")

    fabfile.mend(staged.host.host_key, *flags).is_("fixed", 0, touched="yes")

    assert staged.starts() == 1
    staged.serves()


@pytest.mark.parametrize("flags", [(), ("--opened",)], ids=["closed", "open"])
def test_a_plain_fabfile_with_another_key(staged: "Staged", fabfile: Fabfile, flags: tuple[str, ...]) -> None:
    staged.spoil("php-fpm-stopped")

    host = fabfile.mend(f"SHA256:{'A' * 43}", *flags).is_("unreachable", 4)

    assert code(host) == "host-key-changed"
    # The open one was let in by Fabric, which asks for no key; still nothing was started over it.
    assert (staged.logins(), staged.execs(), staged.starts()) == (len(flags), 0, 0)


PLAYBOOK = '''
    """Made by a user."""

    from remediate import Severity
    from remediate.core.playbook import playbook
    from remediate.probes.http import Site
    from remediate.remedies.php_fpm import RestartPhpFpm


    @playbook(severity=Severity.SEV2, symptoms=lambda host: Site.of(host, host.settings.health_path))
    def shop_slow(host, *, php: str = "php8.2"):
        """Wake the shop."""
        yield RestartPhpFpm.on(host, php=php)
'''


@pytest.fixture
def project(staged: "Staged", tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "playbooks").mkdir(parents=True)
    (root / "inventories").mkdir()
    (root / "playbooks" / "shop_slow.py").write_text(textwrap.dedent(PLAYBOOK))
    (root / "inventories" / "shop.yml").write_text(staged.inventory_with().read_text())
    (root / "pyproject.toml").write_text("[tool.remediate]\n")
    return root


def test_a_project_of_its_own(staged: "Staged", cli: "Cli", project: Path) -> None:
    staged.spoil("php-fpm-stopped")
    below = project / "playbooks"

    listed = cli("remediate", "--list", cwd=below)
    assert "fix.shop-slow" in listed.out
    assert "fix.app-down" in listed.out

    ended = cli(
        "remediate", "fix.shop-slow", "--host", staged.name, "--hold", "3", "--php", "php8.2", "--json", cwd=below
    )

    ended.is_("fixed", 0, touched="yes")
    assert ended.report.playbook == "shop-slow"
    staged.serves()


def test_an_unmarked_directory_is_not_loaded(staged: "Staged", cli: "Cli", project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.other]\n")
    (project / "playbooks" / "shop_slow.py").write_text(f"open({str(project / 'ran')!r}, 'w')\n")

    listed = cli("remediate", "--list", cwd=project)
    assert "shop-slow" not in listed.out
    assert "fix.app-down" in listed.out
    cli("remediate", "fix.shop-slow", "--host", staged.name, cwd=project).usage("shop-slow")
    without = cli("remediate", "fix.app-down", "--host", staged.name, cwd=project)
    without.usage("--inventory")
    assert not (project / "ran").exists()
    assert [path.name for path in (project / "playbooks").iterdir()] == ["shop_slow.py"]
