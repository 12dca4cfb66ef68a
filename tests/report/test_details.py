"""The details of a run: every command with its result, every answer, and no more than is known."""

from datetime import UTC, datetime

from remediate.core.outcome import CommandRecord, HostOutcome, Mode, Reading, Report, RunVerdict, Touched, Verified
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision
from remediate.report.details import detail_lines

RESTART = ("/usr/bin/systemctl", "restart", "php8.2-fpm.service")


def reading(ok: bool | None, value: object = "x", probe: str = "systemd.unit") -> Reading:
    stated = {"probe": probe, "params": {}, "label": "nginx", "vantage": Vantage.HOST, "value": value}
    return Reading.model_validate({**stated, "ok": ok, "note": "active\x1b[31m"})


def step(decision: Decision, **rest: object) -> dict[str, object]:
    return {"remedy": "php-fpm.restart", "title": "t", "params": {}, "decision": decision, "why": "it is down", **rest}


def details(**rest: object) -> list[str]:
    stated = {"name": "web1", "address": "192.0.2.1", "seconds": 3, "touched": Touched.YES, "exit_code": 0}
    host = HostOutcome.model_validate({**stated, "verdict": RunVerdict.FIXED, **rest})
    given: dict[str, object] = {"version": "1", "run": "r", "operator": "ana", "playbook": "app-down", "hosts": (host,)}
    started = {"started": datetime(2026, 11, 23, tzinfo=UTC), "seconds": 3, "mode": Mode.FIX, "touched": Touched.YES}
    return detail_lines(Report.model_validate({**given, **started, "verdict": RunVerdict.FIXED, "exit_code": 0}))


def test_every_command_has_its_end() -> None:
    ran = CommandRecord(argv=RESTART, user="root", exit=0, seconds=1.23)
    lost = CommandRecord(argv=("/bin/true",), user=None)
    done = step(
        Decision.PROCEED, changed=True, verified=Verified.PROVEN, seconds=2, commands=(ran, lost), evidence="up"
    )
    assert details(steps=(done, step(Decision.REFUSE, code="locked"))) == [
        "DETAILS web1",
        "        php-fpm.restart: proceed, proven in 2.0 s: it is down",
        "          $ sudo -n /usr/bin/systemctl restart php8.2-fpm.service   exit 0 in 1.2 s",
        "          $ /bin/true   not run, or without an end",
        "          evidence: up",
        "        php-fpm.restart: refuse [locked]: it is down",
    ]


def test_every_answer_is_shown_with_what_is_known_of_it() -> None:
    log = reading(None, probe="nginx.log")
    before = (reading(True), reading(False), reading(None), reading(None, None), log)
    assert details(before=before, after=(reading(True),)) == [
        "DETAILS web1",
        "        before: nginx (host, ok)  active",
        "        before: nginx (host, NOT OK)  active",
        "        before: nginx (host, for information)  active",
        "        before: nginx (host, unknown)  active",
        "        after: nginx (host, ok)  active",
    ]


def test_a_host_that_was_never_asked_has_no_details() -> None:
    assert details() == ["DETAILS web1: nothing was asked and nothing was run"]
