"""A user's own project: playbooks that are honest, hasty and boastful."""

import os
import subprocess
import textwrap
from pathlib import Path
from typing import NamedTuple

from support.command_line import BIN

# What a user writes: a remedy and a fault of a few lines each, and what the playbook claims to do about them.
COMMON = """
    from typing import Literal

    from remediate.core.host import Host
    from remediate.core.playbook import Severity, playbook
    from remediate.probes.systemd import Unit
    from remediate.rehearsal.case import cured, refused
    from remediate.rehearsal.faults import Fault, UnitMasked
    from remediate.remedies.systemd import restarts, unstartable
    from remediate.core.remedy import Proven, Remedy
    from remediate.core.verdict import UNIT_MASKED, UNIT_MISSING, proceed, skip

    WEB = Unit(name="nginx")


    class WebStopped(Fault):
        kind: Literal["web-stopped"] = "web-stopped"

        def describe(self):
            return "the web server is stopped"

        def disturbs(self):
            return ("nginx",)

        def breaking(self):
            return "systemctl stop nginx"

        def mending(self):
            return "systemctl start nginx"


    class StartWeb(Remedy):
        kind: Literal["web.start"] = "web.start"
        refusals = (UNIT_MASKED, UNIT_MISSING)

        def title(self):
            return "nginx"

        def probes(self):
            return (WEB,)

        def identity(self):
            return (WEB,)

        def guard(self, facts):
            unit = facts[WEB]
            if unit.healthy:
                return skip("it is active")
            return unstartable(unit, "nginx") or proceed(unit.describe())

        def changes(self):
            return restarts("nginx")[1:]
"""

HONEST = """
    def cases(host):
        yield cured("web-stopped", WebStopped(), "web.start")
        yield refused("web-masked", UnitMasked(unit="nginx"), "unit-masked")


    @playbook(severity=Severity.SEV3, symptoms=lambda host: (WEB,), rehearsal=cases)
    def web_down(host: Host):
        '''Bring the web server back.'''
        yield StartWeb()
"""

HASTY = """
    class Hasty(StartWeb):
        kind: Literal["web.hasty"] = "web.hasty"

        def guard(self, facts):
            return proceed("why not")


    def cases(host):
        yield refused("hasty-masked", UnitMasked(unit="nginx"), "unit-masked")


    @playbook(severity=Severity.SEV3, symptoms=lambda host: (WEB,), rehearsal=cases)
    def hasty(host: Host):
        '''Act whatever it sees.'''
        yield Hasty()
"""

BOASTFUL = """
    class Boast(StartWeb):
        kind: Literal["web.boast"] = "web.boast"

        def changes(self):
            return restarts("nginx")[:1]

        def verify(self, before, after):
            return Proven(evidence="I am sure")


    def cases(host):
        yield cured("boastful-stopped", WebStopped(), "web.boast")


    @playbook(severity=Severity.SEV3, symptoms=lambda host: (), rehearsal=cases)
    def boastful(host: Host):
        '''Claim whatever it did.'''
        yield Boast()
"""

PYTEST = """
    import pytest


    @pytest.mark.rehearse("web-down")
    def test_web_down(rehearsed):
        assert not rehearsed.deviations
"""


class Said(NamedTuple):
    """The end of a command: exit code and output."""

    code: int
    out: str
    err: str


class Shop:
    """A project of a user's own, outside the checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "playbooks").mkdir()
        (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n\n[tool.remediate]\n")
        for name, text in (("web_down", HONEST), ("hasty", HASTY), ("boastful", BOASTFUL)):
            source = textwrap.dedent(COMMON) + "\n\n" + textwrap.dedent(text)
            (root / "playbooks" / f"{name}.py").write_text(source)
        (root / "test_shop.py").write_text(textwrap.dedent(PYTEST))

    def __call__(self, *argv: str, timeout: float = 400) -> Said:
        done = subprocess.run(
            (str(BIN / argv[0]), *argv[1:]),
            cwd=self.root,
            env={**os.environ, "REMEDIATE_STATE_DIR": str(self.root / "state")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)
