"""Options that older systemd does not have: 245 of Ubuntu 20.04, 239 of RHEL 8.

From systemd's NEWS: `systemctl show -P` came with 246, `--timestamp=` with 247; `--value` is there since 230.
"""

import re
from pathlib import Path

import pytest

import remediate
from remediate.command import Output
from remediate.probes.systemd import Unit

PACKAGE = Path(remediate.__file__).parent
ASKING = [
    path
    for folder in ("probes", "programs", "remedies", "maintenance")
    for path in sorted((PACKAGE / folder).rglob("*"))
    if path.suffix in {".py", ".sh", ".php", ".sql"}
]


@pytest.mark.parametrize("path", ASKING, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_host_is_asked_with_options_that_it_may_not_have(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"(systemctl|journalctl)[^\n]{0,80}(--timestamp=[a-z]|-P [A-Z])", text)
    assert not re.search(r"\"--timestamp=", text)


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
