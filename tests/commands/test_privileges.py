"""The sudoers file is for the account that a connection really logs in as."""

import subprocess
from pathlib import Path

import pytest
import yaml

from remediate.commands.privileges import print_sudoers, script_of, sudoers_of
from remediate.core.host import Host, Settings, SshTarget
from remediate.engine.fleet import select
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from support.printed import Printed
from support.stubs import stub

SETTINGS = Settings.model_validate({"site_url": "https://example.com/", "php": "php8.3"})


def host(user: str | None = None) -> Host:
    return Host(name="web1", ssh=SshTarget(address="192.0.2.1", user=user), settings=SETTINGS)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an ssh on PATH that says what the ssh configuration is; return where it says so."""
    said = tmp_path / "said"
    stub(tmp_path / "ssh", f'echo "$*" >> {tmp_path}/asked\ncat {said}')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return said


def rules_for(text: str) -> set[str]:
    return {line.split()[0] for line in text.splitlines() if not line.startswith("#")}


def test_the_user_of_the_ssh_configuration_gets_the_rules(configured: Path) -> None:
    configured.write_text("user deploy\nhostname 192.0.2.1\nport 22\n")
    assert rules_for(sudoers_of(host(), Project(None))) == {"deploy"}
    assert (configured.parent / "asked").read_text() == "-G -- 192.0.2.1\n"


def test_a_task_of_its_own_has_its_rules_too(configured: Path) -> None:
    configured.write_text("user deploy\n")
    text = sudoers_of(host(), Project(None))
    assert "php8.3-fpm.service" in text
    assert "try-reload-or-restart" not in text  # the inventory does not say where the application is
    settings = SETTINGS.model_copy(update={"app_path": "/srv/app", "worker_program": "jobs"})
    text = sudoers_of(host().model_copy(update={"settings": settings}), Project(None))
    (reload,) = (line for line in text.splitlines() if "try-reload-or-restart" in line)
    assert reload.startswith("deploy ALL=(root) ")
    assert reload.endswith("NOPASSWD: /usr/bin/systemctl try-reload-or-restart php8.3-fpm.service")
    assert [line for line in text.splitlines() if "(forge)" in line and line.endswith("/helper-1 app")]


def test_the_user_of_the_inventory_wins(configured: Path) -> None:
    configured.write_text("user deploy\n")
    assert rules_for(sudoers_of(host("forge"), Project(None))) == {"forge"}


def test_without_an_ssh_client_its_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host 192.0.2.*\n User deploy\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert rules_for(sudoers_of(host(), Project(None))) == {"deploy"}


def test_a_configuration_that_cannot_be_asked_is_one_line(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("ssh", 10)

    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1: .*: set ansible_user"):
        sudoers_of(host(), Project(None))


@pytest.mark.parametrize("user", ["ALL", "ADMINS", "%admin", "#0", "+all", "a b"])
def test_a_name_that_means_somebody_else_to_sudo_is_refused(configured: Path, user: str) -> None:
    configured.write_text(f"user {user}\n")
    with pytest.raises(ConfigurationError, match="web1: sudoers cannot express the login name"):
        sudoers_of(host(), Project(None))


SETTINGS_OF_ALL = {"app_path": "/srv/app", "worker_program": "jobs", "database": {"unit": "mariadb", "user": "shop"}}


@pytest.mark.parametrize("flag", ["", "script", "sudo_rs"])
def test_what_is_printed_is_what_is_installed(flag: str, configured: Path) -> None:
    """The helper holds programs that read passwords: a mask in one of them would break it."""
    configured.write_text("user deploy\n")
    inventory = configured.parent / "hosts.yml"
    settings = {"site_url": "https://example.com/", "php": "php8.3", **SETTINGS_OF_ALL}
    inventory.write_text(yaml.safe_dump({"web": {"hosts": {"web1": {"remediate": settings}}}}))
    project = Project(None)
    (here,) = select("web1", inventory)
    make = script_of if flag == "script" else sudoers_of

    printed = Printed()
    code = print_sudoers({"host": "web1", "inventory": str(inventory), flag: True}, project, printed.terminal)

    assert (code, printed.err.getvalue()) == (0, "")
    assert printed.out.getvalue() == make(here, project, timeouts=flag != "sudo_rs")
    assert ("TIMEOUT=" in make(here, project, timeouts=flag != "sudo_rs")) is (flag != "sudo_rs")


PLAIN = {
    "site_url": "https://shop.example.com/",
    "app_user": "shop",
    "redis": {"unit": "redis-server"},
    "log_paths": ["/var/log/nginx/access.log"],
}


def test_a_host_without_laravel_has_its_rules_and_none_of_php() -> None:
    plain = host("deploy").model_copy(update={"settings": Settings.model_validate(PLAIN)})
    text = sudoers_of(plain, Project(None))
    rules = [line.partition("NOPASSWD: ")[2] for line in text.splitlines() if "NOPASSWD" in line]
    assert {f"/usr/bin/systemctl restart {unit}.service" for unit in ("nginx", "redis-server")} <= set(rules)
    assert not [rule for rule in rules if "php" in rule]
    assert "# Its inventory names no PHP (remediate.php): nothing that needs PHP is in here." in text.splitlines()
    assert "names no PHP" not in sudoers_of(host("deploy"), Project(None))


def test_a_laravel_application_needs_its_php_named() -> None:
    settings = Settings.model_validate({**PLAIN, "app_path": "/srv/app"})
    with pytest.raises(ConfigurationError, match=r"web1: set remediate\.php, so that the file can name it exactly"):
        sudoers_of(host("deploy").model_copy(update={"settings": settings}), Project(None))
