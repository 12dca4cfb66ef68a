"""The last results for Prometheus: a file for node_exporter's textfile collector.

Names follow https://prometheus.io/docs/practices/naming/: base units, and moments as Unix time. An answer is a set of
states, exactly one of which is 1, as with `node_systemd_unit_state`. So "unknown" is neither a yes nor a no.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remediate.errors import ConfigurationError, RemediateError
from remediate.maintenance.catalogue import of_occasion
from remediate.maintenance.item import Duty, Item, Result
from remediate.maintenance.items.capacity import FULL_AT, INODES, Capacity
from remediate.maintenance.items.runbook_review import Use
from remediate.maintenance.report import TEAM, MaintenanceReport
from remediate.maintenance.status import Status

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

SUFFIX: Final = ".prom"
"""Suffix of the files that node_exporter reads; it ignores all others."""
ANSWERS: Final = {"yes": True, "no": False, "unknown": None}


class NotExported(RemediateError):
    """The file could not be written; the previous one is still there."""


def export(path: Path, latest: Sequence[MaintenanceReport], found: Status, uses: Sequence[Use]) -> None:
    """Write the file atomically, with the permissions that the umask gives.

    `latest` comes from `History.latest`, and `found` is the status of the same moment. Raises ConfigurationError when
    prometheus_client is not installed, and NotExported when the file cannot be written.
    """
    try:
        from prometheus_client import CollectorRegistry, write_to_textfile
    except ImportError:
        raise ConfigurationError("--prometheus needs pip install 'remediate[prometheus]'") from None
    registry = CollectorRegistry()
    _answers(registry, latest)
    _times(registry, found)
    _rehearsals(registry, uses)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise NotExported(f"{path} cannot be written: {error.strerror}") from None


def _answers(registry: "CollectorRegistry", latest: Sequence[MaintenanceReport]) -> None:
    from prometheus_client import Gauge

    answer = Gauge(
        "remediate_maintenance_answer",
        "What the last look said of an item: 1 for the answer that it was, 0 for the others.",
        ("occasion", "subject", "item", "answer"),
        registry=registry,
    )
    reached = Gauge(
        "remediate_maintenance_reached",
        "Whether the last look reached the host; of one that it did not reach every answer is unknown.",
        ("occasion", "subject"),
        registry=registry,
    )
    full = Gauge(
        "remediate_capacity_full_timestamp_seconds",
        "When a file system reaches its limit if it goes on as it did; absent where that is not foreseeable.",
        ("subject", "filesystem", "resource"),
        registry=registry,
    )
    for report in latest:
        for subject in report.subjects:
            occasion = report.occasion.value
            reached.labels(occasion, subject.name).set(subject.error is None)
            found = {result.item: result.ok for result in subject.results}
            if subject.error is not None:
                found = {duty.name: None for duty in of_occasion(report.occasion) if _about_hosts(duty)}
            for item, ok in found.items():
                for name, meaning in ANSWERS.items():
                    answer.labels(occasion, subject.name, item, name).set(ok is meaning)
            for filesystem, resource, moment in _full_at(subject.results):
                full.labels(subject.name, filesystem, resource).set(moment)


def _about_hosts(duty: Duty) -> bool:
    return isinstance(duty, Item)


def _full_at(results: Sequence[Result]) -> Iterator[tuple[str, str, float]]:
    for result in results:
        for sample in result.samples:
            if result.item == Capacity.name and sample.name.endswith(FULL_AT):
                name = sample.name.removesuffix(FULL_AT)
                inodes = name.endswith(INODES)
                yield name.removesuffix(INODES), "inodes" if inodes else "bytes", sample.value


def _times(registry: "CollectorRegistry", found: Status) -> None:
    from prometheus_client import Gauge

    looked = Gauge(
        "remediate_maintenance_last_look_timestamp_seconds",
        "When it was last looked at; absent where it never was.",
        ("occasion", "subject"),
        registry=registry,
    )
    overdue = Gauge(
        "remediate_maintenance_overdue",
        "Whether it should have been done by now; of what was never done for any host the subject is empty.",
        ("occasion", "subject"),
        registry=registry,
    )
    for each in found.standings:
        if each.done is not None:
            looked.labels(each.occasion.value, each.subject).set(each.done.timestamp())
        # A host that was never looked at may not be meant to be. If no host ever was, the duty was forgotten.
        expected = each.done is not None or each.subject in {"", TEAM}
        if each.occasion.period is not None and expected:
            overdue.labels(each.occasion.value, each.subject).set(each.done is None or each.overdue is not None)


def _rehearsals(registry: "CollectorRegistry", uses: Sequence[Use]) -> None:
    from prometheus_client import Gauge

    finished = Gauge(
        "remediate_rehearsal_timestamp_seconds",
        "When a playbook was last rehearsed; absent where it never was.",
        ("playbook",),
        registry=registry,
    )
    passed = Gauge(
        "remediate_rehearsal_passed",
        "Whether a playbook as it is now has passed its last rehearsal.",
        ("playbook",),
        registry=registry,
    )
    for use in uses:
        if use.rehearsed is not None:
            finished.labels(use.playbook).set(use.rehearsed.timestamp())
        passed.labels(use.playbook).set(use.current and use.passed)
