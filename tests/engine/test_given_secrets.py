"""A value given to one run appears in none of its outputs."""

import io
import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from remediate.core.command import Output
from remediate.core.options import Options
from remediate.core.outcome import Report, RunVerdict
from remediate.core.probe import Fact, Probe
from remediate.engine.fleet import run
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.programs.config import cache_config
from remediate.programs.env import edit_env
from remediate.remedies.configuration import SetEnv
from remediate.remedies.single import SingleRemedy
from remediate.report.text import TextReporter
from support import examples as ex
from support.given_secret import HOST, LOOSE, PATH, SET, VALUE
from support.scripted import Changes, FactSession

RUNNABLE = SingleRemedy(SetEnv, (("key", "A"), ("value", SecretStr(VALUE))))
EDIT = edit_env("php8.2", PATH, "forge", "A", SecretStr(VALUE), seen=ex.env_file().mark)
REBUILD = cache_config("php8.2", PATH, "forge")


def everything(session: FactSession, state: Path, *, plan: bool = False) -> tuple[Report, str]:
    """Run it as the command line does; return the report and all that came out, the journal's bytes included."""
    out = io.StringIO()
    writer = MaskedWriter(out, Masker())
    report = run(
        RUNNABLE,
        (HOST,),
        reporter=TextReporter(writer, writer, program="remediate"),
        consent=lambda *_: None,
        connect=lambda _: session,
        options=Options(hold=0, yes=True, plan=plan, timeout=10),
    )
    writer.flush()
    files = [file.read_bytes().decode(errors="replace") for file in state.rglob("*") if file.is_file()]
    assert files
    return report, "\n".join(
        [out.getvalue(), report.model_dump_json(by_alias=True), repr(report), repr(RUNNABLE), *files]
    )


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, state: Path) -> Path:
    # A scripted host answers at once, or never.
    monkeypatch.setattr("remediate.engine.transitions.PATIENCE", 0.3)
    return state


TELLS = f"PHP Fatal error: could not read [{VALUE}] at {json.dumps(VALUE)}\n{VALUE.splitlines()[0]}"


@pytest.mark.parametrize("plan", [True, False])
def test_a_run_that_works(state: Path, plan: bool) -> None:
    report, shown = everything(FactSession(LOOSE, SET), state, plan=plan)
    assert report.verdict is (RunVerdict.PENDING if plan else RunVerdict.FIXED)
    assert "c4n4ry" not in shown


@pytest.mark.parametrize("step", [EDIT, REBUILD], ids=["edit", "rebuild"])
def test_a_step_that_fails_and_quotes_it(state: Path, step: "object") -> None:
    failing: Changes = {**LOOSE, EDIT if step is EDIT else REBUILD: Output(exit=1, stderr=TELLS)}
    report, shown = everything(FactSession(failing), state)
    assert report.verdict is RunVerdict.NOT_FIXED
    assert "c4n4ry" not in shown


@pytest.mark.parametrize("probe", [probe for probe in LOOSE if isinstance(probe, Probe)], ids=lambda probe: probe.kind)
def test_an_answer_that_quotes_it(state: Path, probe: Probe[Fact]) -> None:
    _, shown = everything(FactSession({**LOOSE, probe: Output(stdout=TELLS, stderr=TELLS, exit=1)}), state)
    assert "c4n4ry" not in shown
