"""A policy that is wider than the rules allow is refused, with its line and with what is accepted."""

from pathlib import Path

import pytest

from remediate.alerts.policy import PolicyMode, Proof
from remediate.alerts.policy_file import project_policy, read_policy
from remediate.errors import ConfigurationError
from remediate.inventory.selection import Inventory
from remediate.project.project import Project
from support.alerting import NAMES, SITE, policy

RULE = """
rules:
  - name: site-down
    match: {alertname: SiteDown}
    host: {label: host}
    action: app-down
"""


def test_a_policy_is_read(tmp_path: Path) -> None:
    found = policy(tmp_path)
    assert [rule.mode for rule in found.rules] == [
        PolicyMode.AUTO,
        PolicyMode.AUTO,
        PolicyMode.PROPOSE,
        PolicyMode.OBSERVE,
    ]
    assert [source.proof for source in found.sources.values()] == [Proof.GRAFANA, Proof.BEARER]
    assert [source.signs for source in found.sources.values()] == [True, False]
    assert found.rules[2].match == {"alertname": ("CacheDown",), "severity": ("critical", "page")}


def test_what_is_not_said_is_propose(tmp_path: Path) -> None:
    (rule,) = policy(tmp_path, RULE).rules
    assert (rule.mode, rule.sources) == (PolicyMode.PROPOSE, ())
    assert (rule.incident, rule.tell, rule.severity) == (False, False, None)


def auto(source: str, rule: str = "") -> str:
    """A policy with one source and one rule that is auto."""
    return f"""sources:
  one: {source}
rules:
  - name: site-down
    match: {{alertname: SiteDown}}
    sources: one
    host: {{label: host, names: [web1, web2]}}
    action: app-down
    mode: auto
{rule}"""


BEARER = "{format: alertmanager, bearer: env:T%s}"
GRANT = ", auto: [{labels: {alertname: %s}, hosts: [%s], playbooks: [%s]}]"

WIDER = {
    "auto without a named source": (f"{RULE}    mode: auto\n", 7, "auto needs `sources`.*observe, propose"),
    "auto for triage": (
        auto("{format: plain, signature: env:T}").replace("app-down", "triage"),
        9,
        "auto belongs to a playbook, and triage is none",
    ),
    "auto from a bearer that lists nothing": (auto(BEARER % ""), 9, "one does not sign, and no entry of its `auto`"),
    "auto from a bearer for other labels": (auto(BEARER % GRANT % ("Other", "web1, web2", "app-down")), 9, "no entry"),
    "auto from a bearer for fewer hosts": (auto(BEARER % GRANT % ("SiteDown", "web1", "app-down")), 9, "no entry"),
    "auto from a bearer for another playbook": (
        auto(BEARER % GRANT % ("SiteDown", "web1, web2", "cache-down")),
        9,
        "no entry",
    ),
    "auto from a bearer for any host": (
        auto(BEARER % GRANT % ("SiteDown", "web1, web2", "app-down")).replace(", names: [web1, web2]", ""),
        9,
        "the rule takes any host",
    ),
    "auto from Grafana without a time": (auto("{format: grafana, signature: env:T}"), 9, "one does not sign"),
    "a grant for a source that signs": (
        auto("{format: plain, signature: env:T" + GRANT % ("SiteDown", "web1", "app-down") + "}"),
        2,
        "auto belongs to a source that does not sign",
    ),
    "a grant for a group": (
        auto(BEARER % GRANT % ("SiteDown", "web", "app-down")),
        2,
        "'web' is a group of the inventory; hosts: web1, web2, db1",
    ),
    "a signature of Alertmanager": (auto("{format: alertmanager, signature: env:T}"), 2, "Alertmanager cannot sign"),
    "a source without proof": (auto("{format: plain}"), 2, "takes one of signature and bearer"),
    "a source with two": (auto("{format: plain, signature: env:T, bearer: env:U}"), 2, "takes one of signature"),
    "a secret in the file": (
        auto("{format: plain, signature: hunter2}"),
        2,
        "takes env:NAME, file:PATH or cmd:COMMAND",
    ),
    "a time of another format": (
        auto("{format: plain, signature: env:T, timestamp_header: X-Sent}"),
        2,
        "timestamp_header belongs",
    ),
    "a source called terminal": (
        auto("{format: plain, signature: env:T}").replace("one", "terminal"),
        2,
        "source of `a",
    ),
    "an unknown source": (f"{RULE}    sources: grafana\n", 7, "'grafana' is no source of this policy; accepted: none"),
    "an unknown format": (auto("{format: nagios, signature: env:T}"), 2, "must be alertmanager, grafana or plain"),
    "an incident of a rule that observes": (
        f"{RULE}    mode: observe\n    incident: true\n",
        8,
        "a rule that only observes declares no incident; accepted here: false",
    ),
    "an incident from triage without a severity": (
        f"{RULE.replace('app-down', 'triage')}    incident: true\n",
        7,
        "an incident from triage needs a severity",
    ),
    "an incident of an unknown severity": (f"{RULE}    severity: high\n", 7, "must be SEV-1, SEV-2, SEV-3 or SEV-4"),
    "a severity without an incident": (f"{RULE}    severity: SEV-1\n", 7, "severity belongs to a rule with incident"),
    "telling without an incident": (f"{RULE}    tell: true\n", 7, "tell belongs to a rule with incident"),
    "an unknown mode": (f"{RULE}    mode: force\n", 7, "must be observe, propose or auto"),
    "an unknown playbook": (
        RULE.replace("app-down", "app-dwon"),
        6,
        "'app-dwon' is no playbook; did you mean app-down. accepted: triage, app-down, cache-down",
    ),
    "an action that is a command": (RULE.replace("app-down", "rm -rf /"), 6, "takes a name: small letters"),
    "a table to an unknown host": (
        RULE.replace("{label: host}", "{label: host, table: {a: web1, b: web9}}"),
        5,
        "'web9' is no host of the inventory; did you mean web2. hosts: web1, web2, db1",
    ),
    "a table to a group": (RULE.replace("{label: host}", "{label: host, table: {a: web}}"), 5, "'web' is a group"),
    "a table to all": (RULE.replace("{label: host}", "{label: host, table: {a: all}}"), 5, "'all' is no host"),
    "a table to a pattern": (
        RULE.replace("{label: host}", "{label: host, table: {a: 'web*'}}"),
        5,
        "takes the name of one host in the inventory, not a pattern",
    ),
    "a table to several": (
        RULE.replace("{label: host}", "{label: host, table: {a: 'web1,web2'}}"),
        5,
        "takes the name of one host in the inventory, not a pattern",
    ),
    "a table to an address": (
        RULE.replace("{label: host}", "{label: host, table: {a: 10.0.0.1}}"),
        5,
        "'10.0.0.1' is no host",
    ),
    "an empty table": (RULE.replace("{label: host}", "{label: host, table: {}}"), 5, "must not be empty"),
    "a table and names": (
        RULE.replace("{label: host}", "{label: host, table: {a: web1}, names: web1}"),
        5,
        "takes one of table and names",
    ),
    "a rule without a host": (RULE.replace("    host: {label: host}\n", ""), 3, "host is missing"),
    "a rule that matches everything": (RULE.replace("{alertname: SiteDown}", "{}"), 4, "must not be empty"),
    "a rule that matches nothing": (RULE.replace("SiteDown", "[]"), 4, "must not be empty"),
    "a match that is a number": (RULE.replace("SiteDown", "500"), 4, "must be text"),
    "a match of an unknown kind": (RULE.replace("SiteDown", "{regex: Site.*}"), 4, "must be a list and is a mapping"),
    "two rules of one name": (RULE + RULE.partition("rules:\n")[2], 7, "a rule above is called site-down as well"),
    "an unknown key": (
        f"{RULE}    modus: auto\n",
        7,
        "unknown key; did you mean mode.*accepted: action, host, incident, match",
    ),
    "an unknown key above": (f"{RULE}limit: {{}}\n", 7, "unknown key; did you mean limits"),
    "more on a host than the most": (
        f"{RULE}limits: {{per_host_and_hour: 3}}\n",
        7,
        "must be at most 2; 0 to 2 on one host",
    ),
    "more in a day": (f"{RULE}limits: {{per_host_and_day: 4}}\n", 7, "must be at most 3; 0 to 3"),
    "more on the fleet": (f"{RULE}limits: {{per_fleet_and_hour: 11}}\n", 7, "must be at most 10; 0 to 10"),
    "a shorter cool-down": (f"{RULE}limits: {{cool_down_minutes: 9}}\n", 7, "must be at least 10; 10 to 1440"),
    "no limit": (f"{RULE}limits: {{per_fleet_and_hour: .inf}}\n", 7, "must be a"),
    "a clock that YAML reads as a number": (
        f"{RULE}quiet_hours:\n  - {{start: 22:00, end: '06:00'}}\n",
        8,
        'must be a time in quotes, as "22:00"',
    ),
    "no quiet time": (f"{RULE}quiet_hours:\n  - {{start: '22:00', end: '22:00'}}\n", 8, "no time at all"),
    "a key twice": (f"{RULE}    action: cache-down\n", 7, "the key stands twice.*: write it once"),
    "an object": (RULE.replace("app-down", "!!python/object/apply:os.system [id]"), 6, "would run code"),
    "a template": (RULE.replace("SiteDown", "'{{ x }}'"), 4, "is a template"),
    "a list": ("- a\n", 1, "must be a mapping"),
    "nothing": ("", 1, "is empty"),
    "no YAML": ("rules: [", 1, "is not valid YAML"),
}


@pytest.mark.parametrize(("text", "line", "words"), WIDER.values(), ids=WIDER)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        policy(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path}/alerts.yml:{line}:")
    assert len(str(error.value).splitlines()) == 1
    assert "hunter2" not in str(error.value)


def test_what_a_bearer_lists_it_may(tmp_path: Path) -> None:
    policy(tmp_path, auto(BEARER % GRANT % ("[SiteDown, Other]", "web1, web2, db1", "app-down, cache-down")))
    (rule,) = policy(tmp_path, auto("{format: plain, signature: env:T}")).rules
    assert rule.mode is PolicyMode.AUTO


def test_stricter_limits_are_accepted(tmp_path: Path) -> None:
    found = policy(tmp_path, f"{RULE}limits: {{per_host_and_hour: 0, cool_down_minutes: 60}}\n")
    assert (found.limits.per_host_and_hour, found.limits.cool_down_minutes) == (0, 60)


def test_the_policy_is_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.remediate]\n")
    (tmp_path / "hosts.yml").write_text("web:\n  hosts:\n    web1:\n    web2:\n")
    project, inventory = Project(tmp_path), Inventory.load((tmp_path / "hosts.yml",))
    with pytest.raises(ConfigurationError, match=r"alerts\.yml does not exist: write a policy there"):
        project_policy(project, inventory)
    (tmp_path / "alerts.yml").write_text(SITE)
    assert len(project_policy(project, inventory).rules) == 4
    with pytest.raises(ConfigurationError, match="no project here"):
        project_policy(Project(None), inventory)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").mkdir()
    with pytest.raises(ConfigurationError, match="is a directory"):
        read_policy(tmp_path / "alerts.yml", NAMES)
