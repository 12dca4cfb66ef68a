"""`init` against the staging host: what it writes is what check.* needs, and it says what it may not read."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from remediate.engine.fleet import select
from support.staged_host import CHECKOUT

if TYPE_CHECKING:
    from remediate.core.host import Settings
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

TOLD: frozenset[str] = frozenset(
    {"disposable", "site_contains", "app_servers", "webhook_path", "payments", "monitoring", "backup", "links"}
    | {"log_paths", "limits"}
)
"""The keys of the staging inventory that nobody can see on a host: a person tells them."""


def bare(staged: "Staged", path: Path, user: str | None = None) -> Path:
    """Write an inventory that only says how to reach the host."""
    variables = yaml.safe_load(staged.host.placement.variables.read_text())
    variables["remediate"] = {"host_key": staged.host.host_key}
    if user is not None:
        variables["ansible_user"] = user
    path.write_text(yaml.safe_dump({"all": {"hosts": {staged.name: variables}}}))
    return path


def settings(name: str, path: Path) -> "Settings":
    (host,) = select(name, path)
    return host.settings


def test_it_finds_what_the_staging_inventory_says(staged: "Staged", cli: "Cli", tmp_path: Path) -> None:
    before, out = staged.bystanders(), tmp_path / "found.yml"
    where = ("--host", staged.name, "--inventory", str(bare(staged, tmp_path / "bare.yml")), "--out", str(out))

    ended = cli("remediate", "init", *where)

    assert ended.code == 0, ended.err
    assert staged.bystanders() == before
    found, known = settings(staged.name, out), settings(staged.name, staged.inventory)
    stated = set(yaml.safe_load((CHECKOUT / "inventories/staging.yml").read_text())["staging"]["vars"]["remediate"])
    assert stated - found.model_fields_set == TOLD
    for key in stated - TOLD - {"production", "database", "redis"}:
        assert getattr(found, key) == getattr(known, key), key
    assert found.production
    assert found.database is not None
    assert found.redis is not None
    assert (found.database.unit, found.database.host, found.database.port) == ("mariadb", "127.0.0.1", 3306)
    assert (found.redis.unit, found.redis.host, found.redis.port) == ("redis-server", "127.0.0.1", 6379)
    # Its name leads nowhere from here, which the file says together with the line that helps.
    assert "this machine gets: name not found" in " ".join(out.read_text().split())

    out.write_text(out.read_text().replace("# site_vantage: [host]", "site_vantage: [host]"))
    for name in ("app-down", "database-down", "cache-down", "high-load", "certificate-expiry"):
        checked = cli("remediate", f"check.{name}", "--host", staged.name, "--inventory", str(out), "--hold", "0")
        assert checked.code == 0, f"{name}: {checked.out}{checked.err}"


def test_a_login_that_may_read_little_says_so(staged: "Staged", cli: "Cli", tmp_path: Path) -> None:
    staged.sh(
        "id ana 2>/dev/null || useradd --create-home --shell /bin/bash ana; usermod --password '*' ana\n"
        "install -d -m 700 -o ana -g ana /home/ana/.ssh\n"
        "install -m 600 -o ana -g ana /home/forge/.ssh/authorized_keys /home/ana/.ssh/authorized_keys\n"
        "chmod 600 /etc/supervisor/conf.d/agency-worker.conf\n"
        "sed -i 's/^AllowUsers forge/& ana/' /etc/ssh/sshd_config.d/staging.conf; systemctl restart ssh"
    )
    out = tmp_path / "found.yml"
    where = ("--host", staged.name, "--inventory", str(bare(staged, tmp_path / "bare.yml", "ana")), "--out", str(out))

    ended = cli("remediate", "init", *where)

    assert ended.code == 0, ended.err
    found = settings(staged.name, out)
    assert (found.database, found.redis, found.worker_program) == (None, None, None)
    assert found.app_path == "/home/forge/agency-platform"
    for closed in ("/home/forge/agency-platform/.env", "/etc/supervisor/conf.d/agency-worker.conf"):
        assert f"{closed} is closed to this login" in " ".join(ended.out.split())
        assert closed in out.read_text()


def test_an_unknown_key_is_left_to_a_person(staged: "Staged", cli: "Cli", tmp_path: Path) -> None:
    ended = cli("remediate", "init", "--host", f"forge@127.0.0.1:{staged.host.ports.ssh}", cwd=tmp_path)
    assert ended.code == 4
    assert staged.host.host_key in ended.err
    assert f"ssh-keyscan -p {staged.host.ports.ssh} 127.0.0.1" in ended.err
    assert (staged.logins(), list(tmp_path.glob("*.yml"))) == (0, [])
