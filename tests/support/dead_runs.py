"""Runs that died, recorded as their processes left them."""

from dataclasses import replace
from datetime import UTC, datetime

from remediate.core.remedy import basis
from remediate.engine.surveyor import Surveyor
from remediate.journal.journal import Journal
from remediate.journal.models import Intent, RunRecord
from remediate.journal.process import RunProcess
from remediate.journal.run_id import new_run_id
from remediate.service.request import Attempt, RunResult
from remediate.transport.controller import HttpController
from support.durable import ToyFleet


def ended(attempt: Attempt) -> RunResult:
    assert attempt.result is not None, attempt
    return attempt.result


def dead_run(journal: Journal, toys: ToyFleet, *, intended: bool = True, process: RunProcess | None = None) -> str:
    """Record a run that died after the intent of its step."""
    here = RunProcess.current()
    assert here is not None
    (host,) = toys.hosts("toy0")
    (remedy,) = toys.project.load("toy-down")(host).remedies
    record = RunRecord(
        id=new_run_id(),
        started=datetime.now(UTC),
        mode="fix",
        playbook="toy-down",
        operator="alert:test",
        hosts=("toy0",),
        version="0.1.0",
        process=process or replace(here, start=here.start - 1),
        given="{}",
    )
    journal.begin(record)
    if intended:
        surveyor = Surveyor(toys.connect(host), HttpController(), remedy.probes())
        journal.intend(
            Intent(
                run=record.id,
                host="toy0",
                position=0,
                remedy=remedy.kind,
                params=remedy.model_dump_json(),
                commands="[]",
                intended_at=datetime.now(UTC),
                basis=basis(remedy, surveyor.survey()),
            )
        )
        surveyor.close()
    return record.id
