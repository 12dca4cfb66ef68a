"""Rehearsals on real hosts: a user's project, false claims, triage, disposable hosts, pytest."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from remediate.rehearsal.checkout import Checkout
from remediate.rehearsal.container import find_engine
from remediate.rehearsal.image import build
from remediate.rehearsal.staging import down
from remediate.triage.triage import TriageReport
from support.shop_project import Shop
from support.staged_host import CHECKOUT, FPM

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    yield shop
    down(directory=shop.root / ".staging", images=True)


@pytest.fixture(scope="module")
def image() -> str:
    """The image of this checkout's staging hosts, which need not be built once more for another project."""
    return build(find_engine(), Checkout(CHECKOUT / ".staging"), lambda _: None)


def containers(shop: Shop) -> Sequence[str]:
    labels = Checkout(shop.root / ".staging").labels
    return [each.name for each in find_engine().containers(labels)]


def failures(file: Path) -> dict[str, str]:
    cases = ET.fromstring(file.read_text()).iter("testcase")  # noqa: S314  # it is ours
    return {str(case.get("name")): "".join(case.itertext()).strip() for case in cases}


def test_a_playbook_a_remedy_and_a_fault_of_a_user_s_own(shop: Shop, image: str) -> None:
    files = ("--junit", "junit.xml", "--markdown", "report.md")
    done = shop("remediate", "rehearse.web-down", "--image", image, "--json", *files)
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert {trial["name"]: trial["fix"]["verdict"] for trial in report["trials"]} == {
        "healthy": "healthy",
        "web-stopped": "fixed",
        "web-masked": "refused",
    }
    assert "REHEARSED web-down: 3 of 3 trials as declared" in done.err
    record = json.loads((shop.root / "docs/rehearsals/web-down.json").read_text())
    assert (record["passed"], record["trials"], record["digest"]) == (True, 3, report["digest"])
    assert failures(shop.root / "junit.xml") == {"healthy": "", "web-stopped": "", "web-masked": ""}
    assert "| web-stopped | fixed | pending | fixed | healthy |" in (shop.root / "report.md").read_text()
    assert containers(shop) == []
    assert not (shop.root / "state").exists(), "the journal of real runs knows nothing of it"


def test_a_guard_that_always_acts_and_a_proof_that_proves_nothing_are_caught(shop: Shop, image: str) -> None:
    faults = "hasty-masked,boastful-stopped"
    done = shop("remediate", "rehearse.all", "--image", image, "--fault", faults, "--junit", "lies.xml")
    assert done.code == 5, done.err
    lies = failures(shop.root / "lies.xml")
    assert set(lies) == set(faults.split(","))
    assert "not refused" in lies["hasty-masked"]
    assert "fix does not say unit-masked" in lies["hasty-masked"]
    assert "after fix nginx is gone" in lies["boastful-stopped"]
    assert "nginx does not run" in lies["boastful-stopped"]
    assert "DEVIATES hasty: 0 of 1 trials as declared" in done.err
    assert "DEVIATES boastful: 0 of 1 trials as declared" in done.err
    assert not (shop.root / "docs/rehearsals/hasty.json").exists(), "only some cases were tried"


def test_one_s_own_tests_rehearse_a_playbook(shop: Shop) -> None:
    done = shop("pytest", "-q", "-p", "no:cacheprovider", "-k", "web-stopped", "test_shop.py")
    assert done.code == 0, done.out
    assert "1 passed, 2 deselected" in done.out
    assert containers(shop) == []


def test_triage_names_the_incident_in_one_trip(staged: "Staged", cli: "Cli") -> None:
    target = ("--host", staged.name, "--inventory", str(staged.inventory))

    def triaged() -> TriageReport:
        done = cli("invoke", "triage", *target, "--json")
        report = TriageReport.model_validate_json(done.out)
        assert report.exit_code == done.code
        return report

    young = triaged()  # It has booted just now, so it is watched until it is older.
    assert (young.exit_code, young.assessment.severity) == (0, None), young.hosts
    before = staged.bystanders()
    staged.mark()
    healthy = triaged()
    assert staged.execs() == 1
    assert (healthy.exit_code, healthy.assessment.severity) == (0, None), healthy.hosts

    staged.spoil("php-fpm-stopped")
    broken = triaged()
    assert broken.exit_code == 10
    first = broken.hosts[0].incidents[0]
    assert (first.playbook, first.matches, first.mends) == ("app-down", True, True)
    assert first.causes[0].startswith(f"php-fpm.restart: {FPM} is inactive")
    assert any("502" in each for each in first.evidence)
    assert broken.assessment.severity is not None
    assert broken.assessment.severity.value == "SEV-1"
    after = staged.bystanders()
    assert {name for name in before if before[name] != after.get(name)} == {FPM}


def test_a_disposable_host_of_one_s_own_is_broken_mended_and_left_as_it_was(
    staged: "Staged", shop: Shop, tmp_path: Path
) -> None:
    faults = ("--fault", "php-fpm-stopped,nginx-stopped")
    rehearse = ("remediate", "rehearse.app-down", "--host", staged.name, *faults)
    own = ("--inventory", str(staged.inventory_with()))
    before = staged.bystanders(FPM, "nginx", "user@0")

    unasked = shop(*rehearse, *own)
    assert (unasked.code, unasked.out) == (2, "")
    assert "say --yes" in unasked.err
    narrow = shop(*rehearse, *own, "--yes")
    assert narrow.code == 2
    assert "can only be broken by root" in narrow.err
    assert staged.starts() == 0

    staged.sh("echo 'forge ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/zz-anything; chmod 440 /etc/sudoers.d/zz-*")
    marker = staged.sh("cat /etc/remediate-staging; rm /etc/remediate-staging")
    unmarked = shop(*rehearse, *own, "--yes")
    staged.sh(f"printf %s '{marker}' > /etc/remediate-staging")
    assert unmarked.code == 2
    assert "does not carry /etc/remediate-staging" in unmarked.err
    precious = shop(*rehearse, "--inventory", str(staged.inventory_with(disposable=False)), "--yes")
    assert precious.code == 2
    assert "`production: false` and `disposable: true`" in precious.err
    assert staged.starts() == 0

    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    done = shop(*rehearse, "--inventory", str(staged.inventory_with()), "--yes", "--json")
    assert done.code == 0, done.err
    trials = {trial["name"]: trial["fix"]["verdict"] for trial in json.loads(done.out)["trials"]}
    assert trials == {"php-fpm-stopped": "fixed", "nginx-stopped": "fixed"}
    assert staged.starts() >= 1
    staged.serves()
    assert staged.bystanders(FPM, "nginx", "user@0") == before
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == files
