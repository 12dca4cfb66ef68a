"""Settings with which the service does not start."""

import errno
import os
import socket
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy.exc import OperationalError

from remediate.commands.serve import _port
from remediate.errors import ConfigurationError, JournalError
from remediate.project.project import Project
from remediate.service.database import demand_shared, engine_database
from remediate.service.dbos_engine import DbosEngine
from remediate.service.server import listening
from remediate.service.service import _launch, serving, working
from remediate.service.settings import service_settings
from remediate.service.start_check import demand_usable
from remediate.service.worker_name import worker_name
from support.durable import ToyFleet
from support.refused_start import demand_refused
from support.toy_alerts import POLICY, SECRETS, with_policy


@pytest.mark.parametrize(
    ("policy", "secret", "said"),
    [
        (POLICY, "short", "less than 16 characters"),
        (POLICY, None, "there is no such variable"),
        ("rules: []\n", "", "has no `sources`, so no sender can be authenticated"),
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
        with pytest.raises(ConfigurationError, match="cannot be used: Address already in use; --port takes another"):
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


def test_an_error_while_a_name_is_held_is_not_one_of_its_directory(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Too many open files"), worker_name(tmp_path, alone=True):
        raise OSError(errno.EMFILE, "Too many open files")
    with worker_name(tmp_path, alone=True):  # It was given back.
        pass


def test_the_engine_s_database_is_private_or_the_journal_s_server(
    toys: ToyFleet, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = engine_database(toys.project)
    file = Path(own.url.removeprefix("sqlite:///"))
    assert (file.parent, own.shared) == (state, False)
    assert file.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ConfigurationError, match="a worker needs the journal on PostgreSQL"):
        demand_shared(own)
    file.write_text("no database" * 99)
    with pytest.raises(JournalError, match="it is no database"):
        engine_database(toys.project)
    monkeypatch.setenv("REMEDIATE_JOURNAL", "postgresql://db/remediate")
    server = engine_database(toys.project)
    assert (server.url, server.shared) == ("postgresql+psycopg://db/remediate", True)


@pytest.mark.parametrize("journal", [None, "postgresql://db/remediate"])
def test_another_project_does_not_get_at_the_runs_of_this_one(
    toys: ToyFleet, tmp_path: Path, journal: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if journal is not None:
        monkeypatch.setenv("REMEDIATE_JOURNAL", journal)
    other = tmp_path / "another"
    other.mkdir()
    (other / "pyproject.toml").write_text("[tool.remediate]\n")
    mine, others = engine_database(toys.project), engine_database(Project(other))
    assert mine.schema != others.schema
    assert (mine.url == others.url) is mine.shared
    assert engine_database(toys.project) == mine


def test_a_heartbeat_without_its_address_is_told_before_anything_runs(
    toys: ToyFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_policy(toys)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (toys.root / "pyproject.toml").write_text('[tool.remediate.service]\nheartbeat = "env:TOY_BEAT"\n')
    monkeypatch.setattr(DbosEngine, "launch", lambda _: pytest.fail("it was launched"))
    with pytest.raises(ConfigurationError, match="TOY_BEAT"), serving(toys.project):
        pass


FOLLOWED = POLICY.replace("mode: auto", "mode: auto\n    incident: true\n    tell: true")
INCIDENTS = "[tool.remediate.incidents]\n"
PAGE = '[tool.remediate.incidents.status_page]\nkind = "statuspage"\npage = "p"\n'
CHANNEL = "[tool.remediate.incidents.channels.team]\n"


@pytest.mark.parametrize(
    ("policy", "settings", "said"),
    [
        (
            FOLLOWED,
            f'{CHANNEL}kind = "file"\naudiences = ["public"]\n',
            r"toy-down: tell: no channel.*: tell: false, or a",
        ),
        (FOLLOWED, f'{CHANNEL}kind = "terminal"\n', "toy-down: tell: no channel takes internal messages"),
        (POLICY, f'{CHANNEL}kind = "apprise"\nreference = "env:TOY_CHAT"\n', r"channels.team.reference env:TOY_CHAT"),
        (POLICY, '[tool.remediate.approvals]\nrequired = "all"\n', "toy-down: mode: auto would be refused .* on toy0"),
        (POLICY, "[tool.remediate.approvals]\nrequird = 1\n", "requird: unknown key; did you mean required"),
        (POLICY, '[tool.remediate.approvals]\nkey = "env:TOY_KEY"\n', "key env:TOY_KEY: there is no such variable"),
        (POLICY, '[tool.remediate.service]\npublic = "http://x"\n', "public: takes https:// and a name"),
        (POLICY, '[tool.remediate.limits]\npause_file = "playbooks"\n', "pause_file: .*playbooks cannot be read"),
        (
            POLICY,
            '[tool.remediate.limits]\npause_file = "no/p"\n',
            "pause_file: .*/no does not exist.*; it takes a file",
        ),
        (POLICY, '[tool.remediate.approvals]\nallowed_signers = "playbooks"\n', "playbooks cannot be read: Is a dir"),
        (POLICY, f'{CHANNEL}kind = "file"\npath = "playbooks"\n', "channels.team: .*playbooks: it is not a file"),
        (POLICY, f'{CHANNEL}kind = "file"\npath = "alerts.yml/x"\n', "channels.team: .*alerts.yml cannot be written"),
        (POLICY, f'{CHANNEL}kind = "apprise"\nreference = "env:TOY_READ"\n', "channels.team: env:TOY_READ: "),
        (POLICY, f'{PAGE}token = "env:TOY_PAGE"\n', "status_page.token env:TOY_PAGE: there is no such variable"),
        (
            POLICY.replace("env:TOY_SECRET", "file:~nobody-here/k"),
            "",
            "file:'~nobody-here/k' begins with a user who has",
        ),
        (POLICY, '[tool.remediate.approvals]\nkey = "file:~nobody-here/k"\n', "key file:'~nobody-here/k' begins with"),
        (POLICY, '[tool.remediate.service]\nread = "file:~nobody-here/k"\n', "read file:'~nobody-here/k' begins with"),
        (POLICY, '[tool.remediate.service]\nread = "file:a\\u0000b"\n', "read file:.* holds a NUL character"),
        (POLICY, '[tool.remediate.service]\napproval_key = "~nobody-here/k"\n', "service: approval_key: begins with"),
        (POLICY, f'{INCIDENTS}templates = "~nobody-here/x"\n', "incidents: templates: begins with a user who has"),
        (POLICY, f'{INCIDENTS}postmortems = "a\\u0000b"\n', "incidents: postmortems: holds a NUL character"),
        (POLICY, f'{CHANNEL}kind = "file"\npath = "~nobody-here/x"\n', "channels.team.path: begins with a user who"),
        (POLICY, f'{INCIDENTS}templates = "alerts.yml"\n', "templates: .*alerts.yml is not a directory"),
        (POLICY.replace("action: toy-down", "action: toy-dwn"), "", "'toy-dwn' is no playbook; did you mean toy-down"),
        (POLICY.replace("names: [toy0", "names: [toys"), "", "'toys' is a group of the inventory"),
    ],
)
def test_what_could_only_fail_later_is_told_in_one_line_before_anything_runs(
    toys: ToyFleet, monkeypatch: pytest.MonkeyPatch, policy: str, settings: str, said: str
) -> None:
    with_policy(toys)
    (toys.root / "alerts.yml").write_text(policy)
    (toys.root / "pyproject.toml").write_text(settings)
    demand_refused(toys, monkeypatch, said)


def test_a_secret_that_every_user_can_read_is_refused(toys: ToyFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory(prefix="open-", dir="/tmp") as place:
        secret = Path(place, "secret")
        secret.write_text(SECRETS["TOY_SECRET"])
        policy = POLICY.replace("env:TOY_SECRET", f"file:{secret}", 1)
        with_policy(toys)
        (toys.root / "alerts.yml").write_text(policy)
        monkeypatch.setenv("TOY_SECRET", SECRETS["TOY_SECRET"])
        (toys.root / "pyproject.toml").write_text(f'[tool.remediate.service]\nread = "file:{secret}"\n')
        demand_usable(toys.project)  # Its directory is private.
        Path(place).chmod(0o755)
        for refused in (serving(toys.project), working(toys.project, lambda: None)):
            with pytest.raises(ConfigurationError, match=f"every user can read {secret}: chmod o-r {secret}"), refused:
                pass
        with monkeypatch.context() as another:
            another.setattr("remediate.service.start_check.os.geteuid", lambda: os.getuid() + 1)
            demand_usable(toys.project)  # What a container mounts is often root's, and open.
        secret.chmod(0o640)
        demand_usable(toys.project)


def test_a_state_directory_that_cannot_be_used_is_no_fault_of_the_settings(
    toys: ToyFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path / "file"))
    for journal in ("", "postgresql://127.0.0.1:9/remediate"):
        monkeypatch.setenv("REMEDIATE_JOURNAL", journal)
        with pytest.raises(JournalError, match="look at its owner"), working(toys.project, lambda: None):
            pass


def test_tables_that_cannot_be_used_are_told_without_what_is_in_them(
    toys: ToyFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: DbosEngine) -> None:
        raise OperationalError("INSERT", {"reason": "hunter2"}, sqlite3.OperationalError("disk is full: hunter2"))

    monkeypatch.setattr(DbosEngine, "launch", full)
    refused = pytest.raises(JournalError, match=r"cannot be used \(OperationalError\)")
    with refused as raised, working(toys.project, lambda: None):
        pass
    assert "hunter2" not in str(raised.value)


def test_a_password_in_a_server_s_url_is_not_told(toys: ToyFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: DbosEngine) -> None:
        raise OperationalError("CREATE", {}, sqlite3.OperationalError("permission denied"))

    monkeypatch.setenv("REMEDIATE_JOURNAL", "postgresql://db/remediate?user=x&password=hunter2")
    monkeypatch.setattr(DbosEngine, "launch", refused)
    engine = object.__new__(DbosEngine)
    with pytest.raises(JournalError, match=r"in postgresql\+psycopg://db/remediate cannot be used") as raised:
        _launch(engine, engine_database(toys.project))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("text", ["²", "65536", "-1", "9" * 5000, "", "80x"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--port takes a number"):
        _port(text, 8787)


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.remediate.service]\nfleets = 3\n")
    with pytest.raises(ConfigurationError, match=r"tool.remediate.service: fleets: unknown key; did you mean fleet"):
        service_settings(tmp_path)
