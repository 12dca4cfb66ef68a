"""docs/examples/django on a real host, on an image of its own: every case of its playbook in `make soak`, two in CI."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from remediate.rehearsal.checkout import Checkout
from remediate.rehearsal.container import find_engine
from remediate.rehearsal.staging import down
from support.doc_pages import ROOT
from support.first_remedy import carry_out
from support.soak import times
from support.staged_host import CHECKOUT

pytestmark = [pytest.mark.container, pytest.mark.soak]

EXAMPLE = ROOT / "docs/examples/django"
FEW = ("--fault", "gunicorn-hung,celery-masked")


@pytest.fixture(scope="module")
def image() -> str:
    """The image of the example, built once per content; `staging.down --images` of this checkout removes it."""
    files = sorted(path for path in (EXAMPLE / "image").rglob("*") if path.is_file())
    content = b"".join(str(path.relative_to(EXAMPLE)).encode() + path.read_bytes() for path in files)
    engine, labels = find_engine(), Checkout(CHECKOUT / ".staging").labels
    name = f"localhost/remediate-example-django:{hashlib.sha256(content).hexdigest()[:12]}"
    if not engine.has_image(name):
        changes = [word for key, value in labels.items() for word in ("--change", f"LABEL {key}={value}")]
        subprocess.run(("sh", EXAMPLE / "image/build.sh", name, engine.binary, *changes), check=True, timeout=900)
    return name


def test_its_playbook_does_what_it_declares(image: str, tmp_path: Path) -> None:
    project = Path(shutil.copytree(EXAMPLE, tmp_path / "project"))
    rehearse = ("rehearse.shop-down", "--image", image, "--pairs", "none", "--containers", "2")
    cases, trials = times(ci=FEW, soak=()), times(ci=2, soak=10)
    try:
        printed = carry_out(project, "remediate", *rehearse, *cases, "--markdown", "report.md", timeout=900)
    finally:
        down(directory=project / ".staging")
    assert f"REHEARSED shop-down: {trials} of {trials} trials as declared" in printed
