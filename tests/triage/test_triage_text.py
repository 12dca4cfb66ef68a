"""The text of a triage: golden files, and the order of playbooks."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from remediate.core.playbook import Playbook
from remediate.errors import Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.network import PortOwner
from remediate.report.wrapping import WIDTH
from remediate.triage.candidate import ranked
from remediate.triage.text import judged_lines, seen_lines
from remediate.triage.triage import TriageReport
from support import examples as ex
from support.incidents import (
    HEALTHY,
    MAINTENANCE,
    NGINX,
    PAGES,
    broken,
)
from support.scripted import Changes, FactSession
from support.triages import CLOSED, FULL, GONE, ONE, UNEXPLAINED, buggy, disk_full, first, fpm_down, triaged, unfixable

GOLDEN: Final = Path(__file__).parent / "golden-triage"
YOUNG = ex.RUNNING.model_copy(update={"active_since": 999_988.0})
SCENES: Mapping[str, tuple[Changes | FactSession, tuple[Playbook, ...]]] = {
    "healthy": (HEALTHY, (app_down, fpm_down)),
    "young": ({**HEALTHY, NGINX: YOUNG}, (app_down,)),
    "one-incident": (broken("nginx down"), (app_down, disk_full)),
    "two-incidents": ({**broken("php-fpm down", "nginx down"), **FULL}, (disk_full, fpm_down, app_down)),
    "refused": ({**broken("php-fpm down"), **MAINTENANCE}, (app_down,)),
    "unexplained": (UNEXPLAINED, (app_down,)),
    "unknown": ({**HEALTHY, **dict.fromkeys(ONE, Unreadable("curl: not found"))}, (app_down,)),
    "blind": ({**broken("workers down"), **dict.fromkeys(PAGES, Unreadable("curl: not found"))}, (app_down,)),
    "not-judged": (broken("nginx down"), (app_down, buggy)),
    "no-rules": ({**HEALTHY, **CLOSED}, (app_down, disk_full)),
    "unreachable": (GONE, (app_down,)),
}


def whole(report: TriageReport, inventory: str | None = None) -> list[str]:
    """Everything that a terminal shows."""
    return [
        line for lines in (seen_lines, judged_lines) for line in lines(report, program="invoke", inventory=inventory)
    ]


@pytest.mark.parametrize("name", SCENES)
def test_the_text_is_the_one_that_was_read_and_found_good(name: str) -> None:
    state, playbooks = SCENES[name]
    inventory = "my hosts/prod.yml" if name == "refused" else None
    lines = whole(triaged(state, *playbooks), inventory)
    text = "".join(f"{line}\n" for line in lines)
    assert max(map(len, lines)) <= WIDTH + 2
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def test_who_refuses_since_another_is_down_comes_after_it() -> None:
    """Under load the cause of app-down may be unread, while a certificate is known not to be served."""
    blind: Changes = {**broken("nginx down"), PortOwner(port=80): Unreadable("no answer within 5 s")}
    one = first(triaged(blind, app_down))
    assert (one.causes, one.mends) == ((), False)
    assert one.unknown
    served = one.model_copy(
        update={
            "playbook": "certificate-expiry",
            "causes": (
                "nginx.reload: nginx is inactive [nginx-down]",
                "incident.hand-over: nginx: inactive [app-down]",
            ),
            "codes": ("nginx-down", "app-down"),
            "unknown": (),
        }
    )
    assert ranked((served, one)) == (one, served)
    host = triaged(blind, app_down).hosts[0].model_copy(update={"incidents": (one, served)})
    told = triaged(blind, app_down).model_copy(update={"hosts": (host,)})
    lines = whole(told)
    assert "ALSO     certificate-expiry: only what app-down takes care of" in lines


def test_who_only_leaves_it_to_another_is_told_in_one_sentence() -> None:
    report = triaged(broken("php-fpm down"), app_down)
    (one,) = report.hosts
    handing = unfixable("cache-down", "incident.hand-over: php8.2-fpm: inactive [app-down]", "app-down")
    others = (
        handing,
        handing.model_copy(update={"playbook": "database-down"}),
        handing.model_copy(update={"playbook": "half-blind", "unknown": ("Redis: no answer",)}),
        handing.model_copy(update={"playbook": "busy", "causes": (*handing.causes, "toy.fpm: activating")}),
        handing.model_copy(update={"playbook": "left-to-nobody", "codes": ("high-load",)}),
    )
    told = report.model_copy(update={"hosts": (one.model_copy(update={"incidents": (*one.incidents, *others)}),)})
    lines = whole(told)
    assert "ALSO     cache-down, database-down: only what app-down takes care of" in lines
    assert "ALSO     half-blind: as far as could be read, only what app-down takes care of" in lines
    assert [line.split()[1] for line in lines if line[:1].isdigit()] == [
        "app-down", "busy", "left-to-nobody",
    ]  # fmt: skip
    assert lines[-2:] == [
        "NEXT     invoke check.app-down --host web1",
        "         invoke incident.declare, which begins with what was seen here",
    ]


def test_no_golden_text_is_left_of_a_scene_that_is_gone() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(SCENES)
