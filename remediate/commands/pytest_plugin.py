"""The pytest plugin: runs a playbook's declared rehearsal cases as tests of your project.

    @pytest.mark.rehearse("app-down")
    def test_app_down(rehearsed):
        assert not rehearsed.deviations

makes one test for each declared case. Every process that runs tests uses its own staging container. `pairs="some"` or
`pairs="all"` adds cases two at a time. The plugin needs a container engine and testinfra (`remediate[rehearsal]`).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from remediate.core.playbook import Playbook
    from remediate.rehearsal.outcome import TrialOutcome
    from remediate.rehearsal.places import ContainerPlace
    from remediate.rehearsal.trial import Trial

_FIXTURE = "rehearsed"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", 'rehearse(playbook, pairs="none"): one test for each case that the playbook declares'
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one test for each trial."""
    marker = metafunc.definition.get_closest_marker("rehearse")
    if marker is None or _FIXTURE not in metafunc.fixturenames:
        return
    from remediate.commands.rehearse import cases_of, described
    from remediate.errors import RemediateError
    from remediate.project.project import Project
    from remediate.rehearsal.trial import Pairs, matrix

    project = Project.find(metafunc.config.rootpath)
    try:
        playbook = project.load(*marker.args)
        trials = matrix(cases_of(playbook, described(project)), Pairs(marker.kwargs.get("pairs", "none")))
    except (RemediateError, TypeError, ValueError) as error:
        raise pytest.UsageError(f"@pytest.mark.rehearse: {error}") from error
    metafunc.parametrize(
        _FIXTURE, [(playbook.name, trial) for trial in trials], ids=[trial.name for trial in trials], indirect=True
    )


@pytest.fixture
def load_playbook(pytestconfig: pytest.Config) -> "Callable[[str], Playbook]":
    """Return a playbook of the project by its name, for tests that need no host."""
    from remediate.project.project import Project

    return Project.find(pytestconfig.rootpath).load


@pytest.fixture(scope="session")
def _rehearsal_place(pytestconfig: pytest.Config) -> "Iterator[ContainerPlace]":
    from remediate.commands.rehearse import container
    from remediate.project.project import Project
    from remediate.rehearsal.checkout import Checkout

    worker = getattr(pytestconfig, "workerinput", {}).get("workerid", "main")
    project = Project.find(pytestconfig.rootpath)
    # Two sessions of one project would replace each other's containers, so a lock keeps them apart.
    with Checkout(project.demand_root() / ".staging").alone(f"pytest-{worker}", lambda _: None):
        place = container(f"rehearsal-{worker}", project, None)
        yield place
        place.close()


@pytest.fixture
def rehearsed(request: pytest.FixtureRequest, _rehearsal_place: "ContainerPlace", tmp_path: Path) -> "TrialOutcome":
    """Run one declared case on a fresh host and return its outcome."""
    from remediate.project.project import Project
    from remediate.rehearsal.rehearse import Plan, rehearse

    if not hasattr(request, "param"):
        pytest.fail("the fixture rehearsed needs @pytest.mark.rehearse(PLAYBOOK)", pytrace=False)
    name: str
    trial: Trial
    name, trial = request.param
    playbook = Project.find(request.config.rootpath).load(name)
    report = rehearse(Plan(playbook, (trial,), whole=False, journal=tmp_path / "journal.sqlite3"), [_rehearsal_place])
    return report.trials[0]
