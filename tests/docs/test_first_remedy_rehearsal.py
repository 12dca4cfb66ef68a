"""The last command of docs/first-remedy.md: its playbook is rehearsed on a real host."""

from pathlib import Path

import pytest

from remediate.rehearsal.checkout import Checkout
from remediate.rehearsal.container import find_engine
from remediate.rehearsal.image import build
from remediate.rehearsal.staging import down
from support.first_remedy import carry_out, write
from support.staged_host import CHECKOUT


@pytest.mark.container
def test_the_playbook_of_the_page_does_what_it_declares(tmp_path: Path) -> None:
    project = write(tmp_path)
    # The image of this checkout's staging hosts need not be built once more.
    image = build(find_engine(), Checkout(CHECKOUT / ".staging"), lambda _: None)
    try:
        printed = carry_out(project, "remediate", "rehearse.web-down", "--image", image, timeout=900)
    finally:
        down(directory=project / ".staging", images=True)
    assert "REHEARSED web-down: 3 of 3 trials as declared" in printed
