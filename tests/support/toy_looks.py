"""Shared parts of item tests: a host and its answers."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.maintenance.item import Finding, Item, Past, Point, Result, Seen
from support import daily_examples as ex

NOW = datetime.fromtimestamp(ex.NOW, UTC)


def host(**settings: object) -> Host:
    known = {"php": "php8.2", "app_path": "/srv/app", "worker_program": "agency-worker", **settings}
    return Host(name="web", ssh=SshTarget(address="web.example.com"), settings=Settings.model_validate(known))


def past(item: Item, finding: Finding, *, hours: float = 24) -> Past:
    """Return the stored result of a run some hours ago."""
    result = Result(item=item.name, title=item.title, owner=item.owner, **dict(finding))
    at = NOW - timedelta(hours=hours)
    samples = {sample.name: (Point(at, sample.value),) for sample in finding.samples}
    return Past(previous=result, previous_at=at, samples=samples)


def judged(
    item: Item, answers: Mapping[Probe[Fact], Fact | Unreadable], *, at: Host | None = None, before: Past | None = None
) -> Finding:
    return item.judge(Seen(host=at or host(), facts=Facts(answers), now=NOW, past=before or Past()))
