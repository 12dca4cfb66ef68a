"""`init` as a command: what it writes, what it leaves alone, and its exit codes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from remediate.commands.onboarding.init import write_inventory
from remediate.commands.terminal import opened
from remediate.errors import ConfigurationError
from remediate.inventory.selection import Inventory
from remediate.probes.discover_apps import LaravelAppList
from remediate.probes.distribution import Distribution, DistributionState
from remediate.project.project import Project
from support.command_box import Box
from support.discovered_shop import ALSO, URL, answers_of_shop
from support.scripted import FactSession
from support.sshd import Sshd, keygen
from support.stated_discovery import APP

Init = Callable[..., int]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pyproject.toml").write_text("[tool.remediate]\n")
    return Project(tmp_path)


@pytest.fixture
def run_init(project: Project, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Run it on a scripted host."""
    monkeypatch.setattr("remediate.commands.onboarding.init.open_session", lambda *_: FactSession(answers_of_shop()))
    monkeypatch.setattr("remediate.commands.onboarding.look.HttpController", lambda: FactSession(answers_of_shop()))

    def run(**flags: str) -> int:
        with opened() as terminal:
            return write_inventory(flags, project, terminal, program="remediate")

    return run


def test_it_writes_the_inventory_and_names_the_next_command(
    run_init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_init(host="deploy@web1.example.com:2222") == 0
    said = capsys.readouterr().out
    path = tmp_path / "inventories/web1.example.com.yml"
    assert f"WROTE   {path}" in said
    assert "remediate check.app-down --host web1.example.com\n" in said
    (host,) = Inventory.load((path,)).select("web1.example.com")
    assert (host.ssh.address, host.ssh.user, host.ssh.port) == ("web1.example.com", "deploy", 2222)
    assert str(host.settings.site_url) == f"{URL}/"


def test_what_is_not_readable_is_listed_with_what_helps(
    run_init: Init, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = LaravelAppList(apps=(APP,), closed=tuple(f"/home/user{number}" for number in range(11)))
    shop = FactSession(answers_of_shop({ALSO: closed}))
    monkeypatch.setattr("remediate.commands.onboarding.init.open_session", lambda *_: shop)
    assert run_init(host="web1") == 0
    said = capsys.readouterr().out
    assert "not readable: applications: /home/user7 is closed to this login" in said
    assert "not readable: 3 more, which the file names" in said
    assert "`remediate init --host USER@HOST --out FILE`" in said
    assert "not readable: applications: /home/user10 is closed" in (tmp_path / "inventories/web1.yml").read_text()
    assert all(len(line) <= 80 for line in said.splitlines() if "remediate" not in line and str(tmp_path) not in line)


def test_a_file_elsewhere_is_named_in_the_next_command(
    run_init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_init(host="web1", out=str(tmp_path / "a b.yml")) == 0
    assert f"remediate check.app-down --host web1 --inventory '{tmp_path}/a b.yml'" in capsys.readouterr().out


def test_a_file_that_exists_is_compared_and_never_written(
    run_init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "web1.yml"
    assert run_init(host="web1", out=str(path)) == 0
    mine = path.read_text().replace("health_path: /health", "health_path: /mine")
    capsys.readouterr()

    assert run_init(host="web1", out=str(path)) == 0
    assert f"{path} says all of that already" in capsys.readouterr().out
    path.write_text(mine)
    assert run_init(host="web1", out=str(path)) == 5
    said = capsys.readouterr().out
    assert "-        health_path: /mine" in said
    assert "+        health_path: /health" in said
    assert f"NOT WRITTEN: {path} exists and stays as it is." in said
    assert path.read_text() == mine


def test_a_host_that_an_inventory_has_is_compared_key_by_key(
    run_init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inventories = tmp_path / "inventories"
    inventories.mkdir()
    there = inventories / "prod.yml"
    there.write_text("all: {hosts: {web1: {remediate: {app_servers: 2, php: php8.2, production: true}}}}\n")

    assert run_init(host="web1") == 5
    said = capsys.readouterr().out
    assert "php: the inventory says php8.2, init would write php8.3" in said
    assert "app_servers: only the inventory says it" in said
    assert "app_path: not in the inventory; init would write /home/forge/shop" in said
    assert "production" not in said.split("NOT WRITTEN")[0].split("tell")[1]
    assert sorted(inventories.iterdir()) == [there]


def test_what_an_inventory_says_already_is_kept(run_init: Init, tmp_path: Path) -> None:
    (tmp_path / "inventories").mkdir()
    stated = "{production: false, disposable: true, php: php8.2, app_servers: 2, queue: {patience: 9}}"
    (tmp_path / "inventories/prod.yml").write_text(f"all: {{hosts: {{web1: {{remediate: {stated}}}}}}}\n")
    path = tmp_path / "own.yml"
    assert run_init(host="web1", out=str(path)) == 0
    (host,) = Inventory.load((path,)).select("web1")
    settings = host.settings
    assert (settings.php, settings.app_servers, settings.queue.patience) == ("php8.2", 2, 9)
    # These two are never carried over: a person writes them again.
    assert (settings.production, settings.disposable) == (True, False)
    assert settings.app_path == "/home/forge/shop"
    assert "also there: php8.3 (nginx passes the site's requests to it)" in path.read_text()


def test_what_an_inventory_of_ansible_lacks_is_written_beside_it(
    run_init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inventories = tmp_path / "inventories"
    (inventories / "group_vars").mkdir(parents=True)
    (inventories / "hosts").write_text("[web]\nweb1 ansible_host=192.0.2.1\n")
    (inventories / "group_vars/web.yml").write_text("remediate: {production: false, php: php8.2}\n")

    assert run_init(host="web1") == 5
    *_, command = capsys.readouterr().out.splitlines()
    assert command == "  remediate init --host web1 --out inventories/host_vars/web1.yml"
    for wrong in ("inventories/host_vars/web2.yml", "inventories/web1.yml"):
        with pytest.raises(ConfigurationError, match=r"inventories/host_vars/web1\.yml"):
            run_init(host="web1", out=wrong)

    assert run_init(host="web1", out="inventories/host_vars/web1.yml") == 0
    assert "remediate check.app-down --host web1\n" in capsys.readouterr().out
    (host,) = Inventory.load((inventories / "hosts",)).select("web1")
    settings = host.settings
    assert (host.ssh.address, settings.app_path) == ("192.0.2.1", "/home/forge/shop")
    assert (settings.production, settings.php) == (False, "php8.2"), "what the group says stays as it is"

    # Now there is a file, which is a person's: it is compared, and named.
    for again in ({}, {"out": "inventories/host_vars/web1.yml"}):
        assert run_init(host="web1", **again) == 5
        said = capsys.readouterr().out
        assert "php: the inventory says php8.2, init would write php8.3" in said
        assert "Add what you want of it to inventories/host_vars/web1.yml, below `remediate:`" in said


def test_variables_of_a_host_that_no_inventory_has_would_not_be_read(run_init: Init, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not read for web9: no inventory has it"):
        run_init(host="web9", out=str(tmp_path / "host_vars/web9.yml"))


def test_a_host_is_never_in_two_inventories_of_a_project(run_init: Init, tmp_path: Path) -> None:
    (tmp_path / "inventories").mkdir()
    (tmp_path / "inventories/prod.yml").write_text("all: {hosts: {web1: {}}}\n")
    with pytest.raises(ConfigurationError, match=r"has web1 already: give --out .*/inventories/host_vars/web1\.yml"):
        run_init(host="web1", out=str(tmp_path / "inventories/own.yml"))
    # Typed as for ssh it is no name of the inventory, and the file would be.
    with pytest.raises(ConfigurationError, match="has web1 already: give --out another directory"):
        run_init(host="deploy@web1")
    assert [path.name for path in (tmp_path / "inventories").iterdir()] == ["prod.yml"]


def test_what_a_host_calls_itself_does_not_control_the_terminal(
    run_init: Init, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = DistributionState(id="debian", name="Debian\x1b]0;x\x07\x1b[2J\u202e")
    shop = FactSession(answers_of_shop({Distribution(): evil}))
    monkeypatch.setattr("remediate.commands.onboarding.init.open_session", lambda *_: shop)
    assert run_init(host="web1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.isprintable()] == []


def test_a_file_that_is_not_read_by_itself_is_named(
    run_init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inventories").mkdir()
    assert run_init(host="web1", out=str(tmp_path / "inventories/web1.txt")) == 0
    assert f"--host web1 --inventory {tmp_path}/inventories/web1.txt\n" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_named_before_any_login(run_init: Init, tmp_path: Path) -> None:
    for place in (str(tmp_path), str(tmp_path / "nowhere" / "web1.yml")):
        with pytest.raises(ConfigurationError, match=r"cannot be written: .*; give --out FILE"):
            run_init(host="web1", out=place)


def test_without_a_project_the_file_is_here(
    run_init: Init,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project.root = None
    monkeypatch.chdir(tmp_path)
    assert run_init(host="2001:db8::1".join("[]")) == 0
    assert "--inventory 2001-db8--1.yml" in capsys.readouterr().out
    (host,) = Inventory.load((tmp_path / "2001-db8--1.yml",)).select("all")
    assert host.ssh.address == "2001:db8::1"


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box("init").usage("--host is missing")
    box("init", "--host", "web").usage("init looks at one host, and web is a group")
    box("init", "--host", "a b").usage("--host takes a host of an inventory, or [user@]host[:port]")


def test_an_unknown_host_key_is_never_accepted(tmp_path: Path) -> None:
    box = Box(tmp_path)
    folder = tmp_path / "sshd"
    folder.mkdir()
    server = Sshd(folder, host_keys=(keygen(folder / "host_ed25519"),))
    server.start(keygen(tmp_path / "client"))
    try:
        said = box("init", "--host", f"ana@127.0.0.1:{server.port}")
        assert said.code == 4
        assert f"ssh-keyscan -p {server.port} 127.0.0.1" in said.err
        assert f"ssh -p {server.port} ana@127.0.0.1" in said.err
        assert not server.has_seen_a_login()
    finally:
        server.stop()
    assert said.out == ""
    assert [path.name for path in (box.root / "inventories").iterdir()] == ["prod.yml"]


def test_a_host_that_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    said = Box(tmp_path)("init", "--host", "127.0.0.1:1")
    assert said.code == 4
    assert "keyscan" not in said.err
    assert len(said.err.splitlines()) == 2
