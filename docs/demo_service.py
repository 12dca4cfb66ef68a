"""From alert to verified fix: a site breaks, its Prometheus fires, and the service acts: `make demo-service`.

Three acts on one staging host: a person approves the plan (`propose`), nobody does anything (`auto`), and the same fix
is typed by hand. Whatever is started here ends with it, the host included.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from typing import Any, Final, NamedTuple

from docs.demo_stage import (
    CHECKOUT,
    NAME,
    PROGRAMS,
    STAGING,
    WORK,
    Act,
    DemoFailed,
    Visitor,
    burning,
    monitor,
    say,
    until,
)
from remediate.commands.staging import declared_faults
from remediate.engine.fleet import select
from remediate.errors import RemediateError
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from remediate.rehearsal.checkout import Checkout
from remediate.rehearsal.content import unrehearsed
from remediate.rehearsal.faults import Fault
from remediate.rehearsal.staging import StagingHost, down, find

FAULT: Final = "php-fpm-stopped"


_EVENTS: Final = {
    "declared": "incident declared: {severity} {title}",
    "message": "told {audience}: {title}",
    "resolved": "incident resolved: {summary}",
    "postmortem": "post-mortem drafted: {path}",
}
"""The events of an incident's timeline that the demo shows. It has told the runs itself."""


class Course(NamedTuple):
    """The moments of one act, in seconds since the first request that failed."""

    fired: float
    began: float
    serving: float
    verified: float


class Story:
    """Tells an act with the seconds since the first request that failed."""

    def __init__(self, host: StagingHost, visitor: Visitor, fault: Fault) -> None:
        fault.inject(host)
        self._visitor = visitor
        self.since = until("the site fails", lambda: visitor.failed)
        self.tell(self.since, f"visitors get errors: {fault.describe()}")

    def tell(self, moment: float, what: str) -> float:
        """Print what happened at a moment, and return the seconds."""
        seconds = moment - self.since
        say(f"{seconds:6.1f} s  {what}")
        return seconds

    def fired(self, host: StagingHost) -> float:
        """Wait until the alert fires."""
        alert = until("Prometheus fires", lambda: next(iter(burning(host) or ()), None))
        moment = datetime.fromisoformat(alert["startsAt"])
        return self.tell(moment.timestamp(), f"Prometheus fires {alert['labels']['alertname']}")

    def ended(self, report: dict[str, Any]) -> tuple[float, float]:
        """Tell when the site served again, and how the run ended."""
        if report["verdict"] != "fixed" or self._visitor.served is None:
            raise DemoFailed(f"the run ended as {report['verdict']}: {report['error']}")
        serving = self.tell(self._visitor.served, "visitors get pages again")
        did = "; ".join(step["evidence"] for step in report["hosts"][0]["steps"] if step["changed"])
        verdict = f"fixed and verified: {did}"
        return serving, self.tell(began(report) + report["seconds"], verdict)

    def followed(self, act: Act) -> None:
        """Tell what became of the incident, once its post-mortem is drafted."""
        for event in until("the incident is resolved", act.written_up):
            if (text := _EVENTS.get(event["data"]["kind"])) is not None:
                self.tell(datetime.fromisoformat(event["at"]).timestamp(), text.format(**event["data"]))


def began(report: dict[str, Any]) -> float:
    """Return when a run began."""
    return datetime.fromisoformat(report["started"]).timestamp()


def proposed(host: StagingHost, visitor: Visitor, fault: Fault) -> None:
    """Let the service propose, and a person approve the plan."""
    say("\n== 1  propose: a person approves the exact plan")
    act = Act(host, "propose", "propose")
    key = act.root / "bob"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bob", "-f", key), check=True)
    public = key.with_suffix(".pub").read_text()
    (act.root / "allowed_signers").write_text(f"bob {public}")
    with act.serving(), visitor.visiting():
        story = Story(host, visitor, fault)
        story.fired(host)
        looked = until("the service proposes", lambda: act.report(plan=True))
        whole = looked["plan_hash"]
        if whole is None:
            raise DemoFailed(f"the service proposes nothing: {looked['verdict']}")
        story.tell(
            began(looked) + looked["seconds"], f"policy: propose. The service has looked; its plan is {whole[:12]}"
        )
        act.typed("approve", whole[:12], "--yes", "--key", "bob")
        say()
        story.ended(until("the approved plan runs", lambda: act.report(plan=False)))
        story.followed(act)
        quiet(host)


def automatic(host: StagingHost, visitor: Visitor, fault: Fault) -> Course:
    """Let the service act, and nobody else."""
    say("\n== 2  auto: nobody does anything")
    act = Act(host, "auto", "auto")
    with act.serving(), visitor.visiting():
        story = Story(host, visitor, fault)
        fired = story.fired(host)
        report = until("the service acts", lambda: act.report(plan=False))
        start = story.tell(began(report), "policy: auto. The service looks")
        course = Course(fired, start, *story.ended(report))
        story.followed(act)
        quiet(host)
    return course


def by_hand(host: StagingHost, visitor: Visitor, fault: Fault) -> Course:
    """Type the same fix at once."""
    say("\n== 3  by hand: somebody types it in the moment in which it breaks")
    act = Act(host, "by-hand", "auto")
    with visitor.visiting():
        story = Story(host, visitor, fault)
        typed = story.tell(time.time(), f"remediate fix.app-down --host {NAME}")
        report = json.loads(act.quietly("fix.app-down", "--host", NAME, "--json"))
        course = Course(typed, began(report) - story.since, *story.ended(report))
        quiet(host)
    return course


def quiet(host: StagingHost) -> None:
    """Wait until no alert fires."""
    until("the alert ends", lambda: burning(host) == [])


def compared(service: Course, hand: Course) -> None:
    """Print both courses beside each other."""
    rows = (
        ("noticed: scrape every 2 s, `for: 4s`", service.fired, 0.0),
        ("called: group_wait 1 s, policy | program starts", service.began - service.fired, hand.began),
        ("looked, decided, restarted", service.serving - service.began, hand.serving - hand.began),
        ("= serving again", service.serving, hand.serving),
        ("then held and verified", service.verified - service.serving, hand.verified - hand.serving),
    )
    say("\nfrom fault to serving                             service   by hand")
    for what, ours, theirs in rows:
        say(f"{what:<48} {ours:6.1f} s  {theirs:6.1f} s")
    say("By hand is the best case: whoever is woken needs minutes before the first word is typed.")
    say("The service's first row is the rule's: with `for: 1m`, as is usual, it is a minute longer.")


def play(host: StagingHost) -> None:
    """Play the acts."""
    (described,) = select(NAME, host.placement.group_file)
    fault = declared_faults(described, Project(CHECKOUT))[FAULT]
    monitor(host)
    proposed(host, Visitor(host), fault)
    service = automatic(host, Visitor(host), fault)
    compared(service, by_hand(host, Visitor(host), fault))


def performance() -> int:
    """Bring the host up, play, and take it down again; return an exit code."""
    say(f"$ invoke staging.up --name {NAME}   (its own Prometheus, Alertmanager and blackbox exporter watch the site)")
    try:
        if subprocess.run((PROGRAMS / "invoke", "staging.up", "--name", NAME, "--fresh"), check=False).returncode != 0:
            return 2
        play(find(NAME, directory=STAGING))
    except (DemoFailed, RemediateError, OSError, ValueError, subprocess.SubprocessError) as error:
        say(f"the demo went wrong: {error}")
        return 1
    finally:
        try:
            down(NAME, directory=STAGING)
        except RemediateError as error:
            say(f"{NAME} was not taken down: {error}")
    return 0


def main() -> int:
    """Play, unless it could only disappoint; return an exit code."""
    if (doubt := unrehearsed(app_down, Project(CHECKOUT))) is not None:
        say(f"app-down is {doubt}, so the policy would only propose: run invoke rehearse.app-down first")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.chdir(CHECKOUT)
    try:
        with Checkout(STAGING).alone("demo-service", say):
            shutil.rmtree(WORK, ignore_errors=True)
            return performance()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
