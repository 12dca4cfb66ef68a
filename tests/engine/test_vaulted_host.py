"""Values encrypted in the inventory, in no output of a run and not in the journal."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.core.plan import PlannedHost
from remediate.engine.fleet import run
from remediate.engine.planned import run_plan
from remediate.errors import Unreachable, UnreachableCode
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.playbooks.app_down import app_down
from remediate.report.text import TextReporter
from remediate.transport.session import Session
from remediate.triage.triage import triage
from support.incident_desk import INSIDE
from support.outcomes import problem

ADDRESS = "hidden.example.com"
HOST: Host = INSIDE.model_copy(
    update={
        "ssh": replace(INSIDE.ssh, address=ADDRESS),
        "vaulted": (SecretStr(ADDRESS),),
        "read_with": ("ansible-vault",),
    }
)


def lost(host: Host) -> Session:
    raise Unreachable(UnreachableCode.NETWORK, f"{host.ssh.address}: No route to host")


def test_an_encrypted_address_is_in_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path / "state"))
    out = io.StringIO()
    writer = MaskedWriter(out, Masker())
    reporter = TextReporter(writer, writer, program="remediate")
    report: Report = run(app_down, (HOST,), reporter=reporter, connect=lost, options=Options(plan=True))
    writer.flush()
    stored = [file.read_bytes().decode(errors="replace") for file in tmp_path.rglob("*") if file.is_file()]
    assert stored
    assert ADDRESS not in "\n".join([out.getvalue(), report.model_dump_json(), repr(report), *stored])
    assert "the inventory was read with ansible-vault" in out.getvalue()
    (outcome,) = report.hosts
    assert (outcome.address, outcome.read_with) == ("encrypted", ("ansible-vault",))
    assert "No route to host" in problem(outcome).message


def test_the_record_of_a_plan_is_masked_too() -> None:
    planned = PlannedHost("web1", {}, (), HOST.secrets)
    assert run_plan(app_down, Options(), (), [planned]).secrets == (ADDRESS,)


def test_an_encrypted_address_is_in_no_triage() -> None:
    report = triage((HOST,), (app_down,), connect=lost)
    assert ADDRESS not in report.model_dump_json()
    assert "No route to host" in report.model_dump_json()
