# ruff: noqa: T201  # it is never run
"""Code that must not type-check: each marked line is the expected error."""

from remediate.core.facts import Facts
from remediate.core.vantage import Vantage
from remediate.core.verdict import Verdict, refuse, skip
from remediate.probes.http import Site
from remediate.probes.systemd import Unit
from remediate.testing import ScriptedSession, check_remedy


def wrong(facts: Facts) -> None:
    site = Site(url="https://example.com/", asked_from=Vantage.HOST)
    print(facts[site].active)  # E: attr-defined
    print(facts[Unit(name="nginx")].status)  # E: attr-defined
    facts["nginx"]  # E: index
    Unit(unit="nginx")  # E: call-arg
    Site(url="https://example.com/", asked_from="host")  # E: arg-type
    ScriptedSession({"nginx": "running"})  # E: dict-item
    check_remedy(Unit(name="nginx"), {}, {})  # E: arg-type
    refuse("config-broken", "no")  # E: arg-type


def forgotten() -> Verdict:
    skip(reason=3)  # E: arg-type
    return "skip"  # E: return-value
