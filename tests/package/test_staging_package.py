"""The installed package, outside any checkout, on a real host: an incident, and a rehearsal of what it scaffolds."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remediate.core.outcome import Report, RunVerdict
from remediate.rehearsal.checkout import Checkout
from remediate.rehearsal.container import find_engine
from remediate.rehearsal.image import build
from remediate.rehearsal.staging import down
from support.packaged import Package
from support.staged_host import CHECKOUT

if TYPE_CHECKING:
    from support.staged_host import Staged

pytestmark = pytest.mark.container


def test_it_fixes_an_incident_and_rehearses_a_playbook_of_its_own(
    staged: "Staged", package: Package, project: Path
) -> None:
    installed = package.by_uvx("rehearsal")
    where = ("--host", staged.name, "--inventory", staged.inventory)
    assert installed(project, "check.app-down", *where).code == 0
    staged.spoil("php-fpm-stopped")
    assert staged.outside() == 502
    said = installed(project, "fix.app-down", *where, "--json")
    assert (said.code, Report.model_validate_json(said.out).verdict) == (0, RunVerdict.FIXED), said
    assert staged.starts() == 1
    staged.serves()

    assert installed(project, "new.playbook", "--name", "web-down").code == 0
    # The image of this checkout's hosts is made from the same files as one of the package would be.
    image = build(find_engine(), Checkout(CHECKOUT / ".staging"), lambda _: None)
    try:
        said = installed(project, "rehearse.web-down", "--image", image, timeout=600)
    finally:
        down(directory=project / ".staging", images=True)
    assert said.code == 0, said
    assert "REHEARSED web-down: 3 of 3 trials as declared" in said.err
