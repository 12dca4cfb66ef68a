"""What the service does not start with."""

import socket
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError, JournalError
from remediate.service.database import EngineDatabase, demand_shared, engine_database
from remediate.service.server import listening
from remediate.service.service import serving
from remediate.service.settings import service_settings
from remediate.service.worker_name import worker_name
from support.durable import ToyFleet
from support.toy_alerts import POLICY, SECRETS, with_policy


@pytest.mark.parametrize(
    ("policy", "secret", "said"),
    [
        (POLICY, "short", "less than 16 characters"),
        (POLICY, None, "there is no such variable"),
        ("rules: []\n", "", "has no `sources`, so nobody could prove an alert"),
        (None, "", r"alerts\.yml does not exist"),
    ],
)
def test_nothing_listens_without_a_secret(
    toys: ToyFleet, monkeypatch: pytest.MonkeyPatch, policy: str | None, secret: str | None, said: str
) -> None:
    with_policy(toys)
    file = toys.root / "alerts.yml"
    file.unlink() if policy is None else file.write_text(policy)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    if secret is None:
        monkeypatch.delenv("TOY_SECRET")
    elif secret:
        monkeypatch.setenv("TOY_SECRET", secret)
    with pytest.raises(ConfigurationError, match=said), serving(toys.project):
        pass


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_other_machines_do_not_get_in_by_accident(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"without TLS.*--behind-tls-proxy"):
        listening(address, 0, behind_proxy=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_it_listens_here(address: str) -> None:
    with listening(address, 0, behind_proxy=False) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match="cannot be used: Address already in use"):
            listening(address, port, behind_proxy=False)
    with listening("0.0.0.0", 0, behind_proxy=True) as open_one:  # noqa: S104
        assert isinstance(open_one, socket.socket)
    with pytest.raises(ConfigurationError, match="takes an IP address"):
        listening("web1", 0, behind_proxy=True)


def test_a_name_is_held_by_one_process_and_kept_for_the_next(tmp_path: Path) -> None:
    with worker_name(tmp_path / "s", alone=False) as one, worker_name(tmp_path / "s", alone=False) as two:
        assert one != two
        with (
            pytest.raises(ConfigurationError, match="already runs with the state"),
            worker_name(tmp_path / "s", alone=True),
        ):
            pass
    with worker_name(tmp_path / "s", alone=True) as again:
        assert again == one
    (tmp_path / "s" / "worker-0.lock").write_text("torn")
    with worker_name(tmp_path / "s", alone=True) as new:
        assert new not in {one, two, "torn"}
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="look at its owner and mode"), worker_name(tmp_path / "file", alone=True):
        pass


def test_the_engine_s_database_is_private_or_the_journal_s_server(
    toys: ToyFleet, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = engine_database(toys.project)
    assert own == EngineDatabase(f"sqlite:///{state}/service.sqlite3", shared=False)
    assert (state / "service.sqlite3").stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ConfigurationError, match="a worker needs the journal on PostgreSQL"):
        demand_shared(own)
    monkeypatch.setenv("REMEDIATE_JOURNAL", "postgresql://db/remediate")
    assert engine_database(toys.project) == EngineDatabase("postgresql+psycopg://db/remediate", shared=True)
    (state / "service.sqlite3").write_text("no database" * 99)
    monkeypatch.delenv("REMEDIATE_JOURNAL")
    with pytest.raises(JournalError, match="it is no database"):
        engine_database(toys.project)


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.remediate.service]\nfleets = 3\n")
    with pytest.raises(ConfigurationError, match=r"tool.remediate.service: fleets: unknown key; did you mean fleet"):
        service_settings(tmp_path)
