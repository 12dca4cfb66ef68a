"""Every packaged probe: facts can be stated, and any output is parsed or unreadable."""

import importlib
import inspect
import pkgutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

import remediate.probes
from remediate.core.command import Output, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.filesystems import DiskSpace
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import PhpFpmConfig, Pools
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.transport.script import STDOUT_LIMIT
from support import examples as ex
from support import load_examples as exl
from support.render import output_of
from support.scripted import FactSession
from support.stated_facts import STATED
from support.this_machine import command_of


def shipped() -> Iterator[type[Probe[Fact]]]:
    for module in pkgutil.walk_packages(remediate.probes.__path__, f"{remediate.probes.__name__}."):
        for _, thing in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(thing, Probe) and thing.__module__ == module.name and not inspect.isabstract(thing):
                yield thing


def test_every_probe_that_ships_has_facts_that_can_be_stated() -> None:
    missing = [kind.__qualname__ for kind in shipped() if kind not in {type(probe) for probe in STATED}]
    assert not missing, (
        f"state facts for {missing} in tests/support/stated_*.py, and teach support.render to print them"
    )


class Pair(NamedTuple):
    probe: Probe[Fact]
    fact: Fact


PAIRS = [Pair(probe, fact) for probe, facts in STATED.items() for fact in facts]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.probe.kind}-{pair.fact.describe()}"[:70])
def test_a_fact_can_be_stated(pair: Pair) -> None:
    assert pair.probe.read(output_of(pair.probe, pair.fact)) == pair.fact
    session = FactSession({pair.probe: pair.fact})
    ask = session.ask if pair.probe.vantage is Vantage.CONTROLLER else session.survey
    assert Facts.read((pair.probe,), ask((pair.probe,)))[pair.probe] == pair.fact


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.probe.kind}-{pair.fact.describe()}"[:70])
def test_a_fact_is_a_value(pair: Pair) -> None:
    assert type(pair.fact).model_validate_json(pair.fact.model_dump_json()) == pair.fact
    assert hash(pair.fact) == hash(pair.fact.model_copy(deep=True))
    assert "\n" not in pair.fact.describe()


def test_a_fact_that_no_output_reads_as_is_an_error_of_the_test() -> None:
    with pytest.raises(ValueError, match="no output reads as"):
        output_of(Workers(program="other"), ex.workers("RUNNING"))
    with pytest.raises(ValueError, match="no output reads as"):
        output_of(DiskSpace(limit=50), exl.ROOM)


@pytest.mark.parametrize("probe", STATED, ids=lambda probe: probe.kind)
def test_a_question_has_its_place_in_a_report(probe: Probe[Fact]) -> None:
    assert probe.label() == " ".join(probe.label().split()) != ""
    secret = {name: value for name, value in probe if isinstance(value, SecretStr)}
    assert type(probe).model_validate_json(probe.model_dump_json()).model_copy(update=secret) == probe
    assert not any(value.get_secret_value() in probe.model_dump_json() + repr(probe) for value in secret.values())


@pytest.mark.parametrize("probe", [probe for probe in STATED if isinstance(probe.command(), Run)], ids=repr)
@pytest.mark.parametrize("status", [124, 126, 127, 137])
def test_what_did_not_run_is_unreadable(probe: Probe[Fact], status: int) -> None:
    if probe.kind == "http.site":
        pytest.skip("curl tells by its own exit status")
    with pytest.raises(Unreadable):
        probe.read(Output(stdout=output_of(probe, STATED[probe][0]).stdout, exit=status))


# -- anything at all ---------------------------------------------------------------------------------------------------

REAL = [output_of(probe, fact) for probe, facts in STATED.items() for fact in facts]


@st.composite
def garbled(draw: st.DrawFn, texts: list[str]) -> str:
    """Text that is nearly right: a real answer with something put in, cut out or changed."""
    text = draw(st.one_of(st.sampled_from(texts), st.text(max_size=60)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        put = draw(
            st.one_of(st.text(max_size=4), st.sampled_from(["²", "\n", " ", "-1", "null", "1e9", "[]", "{", "%"]))
        )
        text = text[:at] + put + text[at + draw(st.integers(0, 8)) :]
    return text


def outputs(probe: Probe[Fact]) -> st.SearchStrategy[Output]:
    own = [output_of(probe, fact) for fact in STATED[probe]]
    return st.builds(
        Output,
        stdout=garbled([each.stdout for each in own]),
        stderr=garbled([each.stderr for each in own]),
        exit=st.one_of(st.sampled_from([0, 0, 0, 1, 3, 4, 78]), st.integers(0, 255)),
        cut=st.booleans(),
    )


def readable(probe: Probe[Fact], output: Output) -> None:
    try:
        fact = probe.read(output)
    except Unreadable:
        return
    assert isinstance(fact.describe(), str)
    assert fact.ok in {True, False, None}
    assert fact.incarnation is None or isinstance(fact.incarnation, str)
    assert (fact.age(1e9) or 0.0) >= 0.0
    assert type(fact).model_validate_json(fact.model_dump_json()) == fact


@pytest.mark.parametrize("probe", STATED, ids=lambda probe: probe.kind)
def test_whatever_is_printed_is_read_or_unreadable(probe: Probe[Fact]) -> None:
    @settings(max_examples=40, deadline=None, database=None)
    @given(outputs(probe))
    def reads(output: Output) -> None:
        readable(probe, output)

    reads()


def test_the_answer_to_another_question_is_read_or_unreadable() -> None:
    for probe in STATED:
        for output in REAL:
            readable(probe, output)


NINES = "9" * 5000
"""More digits than int() takes (sys.get_int_max_str_digits)."""


@pytest.mark.parametrize(
    ("probe", "output"),
    [
        (OrphanWorkers(), Output(stdout="4711\n")),
        (OrphanWorkers(), Output(stdout="\n")),
        (OrphanWorkers(), Output(stdout="² 5 php\n")),
        (OrphanWorkers(), Output(stdout=f"{NINES} 5 php\n")),
        (
            Workers(program="agency-worker"),
            Output(stdout=f"agency-worker:a RUNNING pid {NINES}, uptime 0:00:01\n"),
        ),
        (PortOwner(port=80), Output(stdout=f'LISTEN users:(("nginx",pid={NINES},fd=5))\n')),
        (NginxConfig(), Output(stderr=f"[emerg] x in /a:{NINES}\n", exit=1)),
        (PhpFpmConfig(php="php8.2"), Output(stderr=f"ERROR: [/a:{NINES}] x\n", exit=78)),
        (Pools(php="php8.2", user="forge"), Output(stdout=f"remediate:{'[' * 30_000}\n")),
    ],
    ids=lambda value: value.kind if isinstance(value, Probe) else "",
)
def test_what_only_looks_like_a_number_or_a_document_is_unreadable(probe: Probe[Fact], output: Output) -> None:
    assert len(output.stdout) < STDOUT_LIMIT
    readable(probe, output)


def test_orphans_that_cannot_be_looked_for_are_unknown(tmp_path: Path) -> None:
    run = command_of(OrphanWorkers())
    done = subprocess.run(run.argv, capture_output=True, text=True, timeout=30, check=False)
    with pytest.raises(Unreadable):
        OrphanWorkers().read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
