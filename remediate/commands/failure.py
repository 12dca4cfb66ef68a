"""The `--json` documents of commands that failed."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from remediate import __version__
from remediate.core.outcome import Mode, Problem, Report, Touched
from remediate.engine.fleet import operator_name
from remediate.errors import USAGE_EXIT_CODE
from remediate.journal.run_id import new_run_id


class Failure(BaseModel):
    """The `--json` document of a failed command that is not a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    schema_: str = Field(default="remediate.error/1", alias="schema")
    error: str
    exit_code: int


def failure(message: str, code: int) -> str:
    """Return the `remediate.error/1` document as JSON."""
    return Failure(error=message, exit_code=code).model_dump_json(by_alias=True)


def usage_report(name: str, message: str, *, plan: bool, code: int = USAGE_EXIT_CODE) -> str:
    """Return the `--json` document of a run that was wrong usage or could not start."""
    report = Report(
        version=__version__,
        run=new_run_id(),
        mode=Mode.PLAN if plan else Mode.FIX,
        playbook=name,
        operator=operator_name(),
        started=datetime.now(UTC),
        seconds=0,
        verdict=None,
        exit_code=code,
        touched=Touched.NO,
        error=Problem(code="usage", message=message),
    )
    return report.model_dump_json(by_alias=True)
