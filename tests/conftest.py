"""Fixtures of all tests: a staging host per worker, the command line, databases."""

import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest
import sqlalchemy

from remediate.errors import RemediateError
from remediate.journal.journal import Journal
from remediate.rehearsal.staging import down
from remediate.remedies.catalogue import remedies
from support.command_line import Cli
from support.postgresql import NotInstalled, server
from support.stage import Stage, slot
from support.staged_host import CHECKOUT, Staged

# The duration of an example depends on the machine's other load: two workers on two cores make a fast one slow.
hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")

# In the background or under nohup some signals are ignored. Every program started here would inherit that, and a shell
# could not even trap them. An empty handler ignores them as well, but is not inherited.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

# Those of whoever runs the tests: what a test starts would write into a real journal, or run other tests.
for _name in ("REMEDIATE_JOURNAL", "REMEDIATE_STATE_DIR", "PYTEST_ADDOPTS", "PYTHONPATH"):
    os.environ.pop(_name, None)
os.umask(0o022)
# Tests put paths below it into shell scripts and configurations, without quotes.
if not re.fullmatch(r"[\w./-]+", tempfile.gettempdir()):
    os.environ["TMPDIR"] = tempfile.tempdir = "/tmp"

TIMEOUT = 180
CONTAINER_TIMEOUT = 900
"""Seconds for one test with its fixtures, including the image's build. A busy machine takes a fraction of it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test a deadline; a late test fails with the stacks of its threads."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            container = item.get_closest_marker("container") is not None
            item.add_marker(pytest.mark.timeout(CONTAINER_TIMEOUT if container else TIMEOUT))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Make SIGINT raise KeyboardInterrupt, as in the foreground."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The staging host of this test worker, for the whole session."""
    with slot() as name:
        try:
            yield Stage(name, tmp_path_factory.mktemp("inventories"))
        finally:
            try:
                down(name, directory=CHECKOUT / ".staging")
            except RemediateError as error:  # without an engine there is nothing to remove, which has been reported
                sys.stderr.write(f"{error}\n")


@pytest.fixture(scope="session")
def schema() -> Mapping[str, object]:
    """The committed JSON schema of reports."""
    return dict(json.loads((CHECKOUT / "docs/schemas/report.json").read_text()))


@pytest.fixture
def staged(stage: Stage, tmp_path: Path) -> Staged:
    """The staging host, as it was made."""
    return Staged(stage.clean(), tmp_path)


@pytest.fixture
def cli(staged: Staged, tmp_path: Path, schema: Mapping[str, object]) -> Iterator[Cli]:
    """The command line, with a home and a journal of this test."""
    home = tmp_path / "home"
    home.mkdir()
    cli = Cli(staged, home, schema)
    yield cli
    cli.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this test session."""
    try:
        with server() as url:
            yield url
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.sqlite3"
    server_url: str = request.getfixturevalue("postgresql")
    name = f"t{abs(hash(request.node.nodeid)):x}"
    engine = sqlalchemy.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server_url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of this test, with its journal."""
    directory = tmp_path / "state"
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(directory))
    monkeypatch.delenv("REMEDIATE_JOURNAL", raising=False)
    return directory


@pytest.fixture
def journal(state: Path) -> Iterator[Journal]:
    with Journal.open() as opened:
        yield opened


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder that others may look into: pytest keeps its own closed."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def hurry() -> Iterator[None]:
    """Settle at once and wait briefly for transitions. A scripted host needs no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remediate.engine.transitions.PATIENCE", 0.6)
        for remedy in remedies().values():
            patch.setattr(remedy.model_fields["settle"], "default", 0)
            remedy.model_rebuild(force=True)
        yield
    for remedy in remedies().values():
        remedy.model_rebuild(force=True)
