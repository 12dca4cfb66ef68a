"""Options that older systemd does not have: nothing is asked of a host that systemd 239 (RHEL 8) would refuse.

From systemd's NEWS: `systemctl show -P` came with 246, `--timestamp=` with 247; `--value` is there since 230.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

import remediate
from remediate.core.command import Output, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.discover_php import DiscoverPhp
from remediate.probes.supervisor import OrphanWorkers
from remediate.probes.systemd import Unit
from remediate.testing import PaperHost
from support.remedy_examples import EXAMPLES
from support.stated_facts import STATED
from support.stubs import stub

TESTS = Path(__file__).parent.parent
FAKE = (TESTS / "systemd_239.sh").read_text()
PROBES: Final[tuple[Probe[Fact], ...]] = tuple(STATED)
"""Every probe that ships, as its own tests ask it."""
_WORD: Final = r"(?:\"[^\"]*\"|'[^']*'|[^\s;|&<>()\"'`]+)"
_ASKED: Final = re.compile(rf"\b(systemctl|journalctl)((?:[ \t]+{_WORD})+)")


def runs() -> Iterator[Run]:
    """Yield every command of a host that any probe asks with and any remedy may change with."""
    asked = (probe.command() for probe in PROBES)
    yield from (each for each in asked if isinstance(each, Run))
    for example in EXAMPLES.values():
        yield from example.remedy.privileges()
        for known in (example.broken, *example.others):
            with suppress(Unreadable):
                yield from example.remedy.apply(known if isinstance(known, Facts) else Facts(known))


def calls(run: Run) -> Iterator[tuple[str, ...]]:
    """Yield how a command calls systemctl or journalctl: as its own words, or within a program's text."""
    for at, word in enumerate(run.argv):
        if Path(word).name in {"systemctl", "journalctl"}:
            yield (Path(word).name, *run.argv[at + 1 :])
            return
        for found in _ASKED.finditer(word):
            yield (found[1], *shlex.split(found[2]))


CALLS = sorted({call for run in runs() for call in calls(run) if len(call) > 1})  # One word alone only names it.


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("systemd")
    for name in ("systemctl", "journalctl"):
        stub(folder / name, FAKE)
    return folder


def said(programs: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run((programs / words[0], *words[1:]), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_no_host_is_asked_with_options_that_it_may_not_have(call: tuple[str, ...], programs: Path) -> None:
    assert said(programs, *call) == (0, "")


def test_every_use_of_systemd_is_among_them() -> None:
    used = {next((word for word in words if not word.startswith("-")), words[0]) for _, *words in CALLS}
    systemd = {"show", "restart", "reload", "reset-failed", "kill", "try-reload-or-restart", "list-unit-files"}
    assert systemd <= used
    assert {name for name, *_ in CALLS} == {"systemctl", "journalctl"}


@pytest.mark.parametrize(
    ("words", "trouble"),
    [
        ("systemctl show --timestamp=utc -- nginx", "unrecognized option '--timestamp=utc'"),
        ("systemctl show -P MainPID nginx", "invalid option -- 'P'"),
        ("systemctl kill --kill-whom=main nginx", "unrecognized option '--kill-whom=main'"),
        ("systemctl list-unit-files --legend=no", "unrecognized option '--legend=no'"),
        ("systemctl clean nginx", "Unknown operation clean."),
        ("journalctl --namespace=x", "unrecognized option '--namespace=x'"),
    ],
)
def test_what_came_later_is_refused_by_it(words: str, trouble: str, programs: Path) -> None:
    code, told = said(programs, *words.split())
    assert (code, trouble in told) == (1, True), told


def test_no_source_names_them() -> None:
    """Also where no probe and no remedy asks, as in the items of maintenance."""
    package = Path(remediate.__file__).parent
    for folder in ("probes", "programs", "remedies", "maintenance"):
        for path in (each for each in (package / folder).rglob("*") if each.suffix in {".py", ".sh", ".php", ".sql"}):
            text = path.read_text()
            assert not re.search(r"(systemctl|journalctl)[^\n]{0,80}(--timestamp=[a-z]|-P [A-Z])", text), path
            assert not re.search(r"\"--timestamp=", text), path


def test_a_moment_in_the_form_that_every_systemd_prints() -> None:
    """With TZ=UTC in its environment; as in systemd.time(7), "Parsing timestamps"."""
    assert Unit(name="nginx").command().argv[:4] == ("env", "TZ=UTC", "systemctl", "show")
    text = """LoadState=loaded
ActiveState=failed
SubState=failed
UnitFileState=enabled
Result=exit-code
InvocationID=0b1c6d2f3a4e4f5a8b9c0d1e2f3a4b5c
MainPID=0
NRestarts=0
ExecMainCode=1
ExecMainStatus=255
ActiveEnterTimestampMonotonic=0
StateChangeTimestamp=Mon 2026-11-23 02:51:10 UTC
"""
    assert Unit(name="nginx").read(Output(stdout=text)).describe() == "failed since 02:51:10Z (exit 255)"


def test_a_host_of_it_can_be_read(tmp_path: Path) -> None:
    unit, strays, php = Unit(name="ssh"), OrphanWorkers(unit="no-such-unit-here"), DiscoverPhp()
    with PaperHost(tmp_path) as paper:
        paper.script("systemctl", FAKE)
        paper.program("nginx")
        answers = paper.session().begin([unit, strays, php], seconds=60).next()
        facts = Facts.read((unit, strays, php), answers)
        assert facts[unit].describe() == "failed since 13:23:35Z (exit 255) restarted 5 times by systemd"
        assert facts[strays].ok is None
        assert facts[php].enabled == ()
