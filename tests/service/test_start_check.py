"""Rules and files with which the service could only fail later, and those with which it works."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediate.alerts.policy import AlertPolicy
from remediate.errors import ConfigurationError
from remediate.inventory.selection import Inventory
from remediate.journal.pause import KillSwitch, Pause
from remediate.project.project import Project
from remediate.service.start_check import demand_policy, demand_usable
from support.durable import ToyFleet
from support.refused_start import demand_refused
from support.toy_alerts import with_policy

HOSTS = {
    "prod1": "{ansible_host: 192.0.2.1}",
    "stage1": "{ansible_host: 192.0.2.2, remediate: {production: false}}",
    "broken": "{ansible_host: 192.0.2.3, remediate: {php: 8}}",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pyproject.toml").write_text('[tool.remediate.approvals]\nrequired = "production"\n')
    return Project(tmp_path)


def inventory(project: Project, *names: str) -> Inventory:
    file = project.demand_root() / "hosts.yml"
    file.write_text("".join(["web:\n  hosts:\n", *(f"    {name}: {HOSTS[name]}\n" for name in names)]))
    return Inventory.load([file])


def policy(mode: str, *ways: Mapping[str, object]) -> AlertPolicy:
    same = {"match": {"alertname": "Down"}, "action": "triage", "mode": mode}
    rules = [{"name": f"rule-{number}", "host": {"label": "host", **way}, **same} for number, way in enumerate(ways)]
    return AlertPolicy.model_validate({"rules": rules})


@pytest.mark.parametrize(
    ("mode", "way", "hosts"),
    [
        ("auto", {}, ("prod1", "stage1", "broken")),  # One of them needs no approval.
        ("auto", {}, ("broken",)),  # It may be mended by then.
        ("auto", {"names": "stage1"}, ("prod1", "stage1", "broken")),
        ("auto", {"table": {"a": "stage1"}}, ("prod1", "stage1")),
        ("propose", {}, ("prod1", "broken")),
        ("propose", {"names": "prod1"}, ("prod1",)),
    ],
)
def test_a_rule_that_can_do_what_it_says_is_accepted(
    project: Project, mode: str, way: Mapping[str, object], hosts: tuple[str, ...]
) -> None:
    demand_policy(policy(mode, way), project, inventory(project, *hosts))


@pytest.mark.parametrize(
    ("mode", "way", "hosts", "said"),
    [
        ("auto", {}, ("prod1", "broken"), "each time on every host, .*: observe, propose, or host: names or table, of"),
        ("auto", {"names": ["prod1", "stage1"]}, tuple(HOSTS), "each time on prod1, .* approval for production;"),
        ("auto", {"table": {"a": "prod1"}}, tuple(HOSTS), "each time on prod1, .* accepted here: observe, propose$"),
        ("observe", {"names": "broken"}, tuple(HOSTS), "hosts.yml:.*php: "),
    ],
)
def test_a_rule_that_never_could_is_refused_in_one_line(
    project: Project, mode: str, way: Mapping[str, object], hosts: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        demand_policy(policy(mode, way), project, inventory(project, *hosts))
    assert "\n" not in str(refused.value)


def test_each_host_is_read_once_whatever_the_number_of_rules(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[str] = Counter()
    select = Inventory.select

    def counted(self: Inventory, pattern: str) -> object:
        read[pattern] += 1
        return select(self, pattern)

    monkeypatch.setattr(Inventory, "select", counted)
    rules = policy("auto", {}, {}, {"names": "stage1"}, {"table": {"a": "stage1"}})
    demand_policy(rules, project, inventory(project, "broken", "prod1", "stage1"))
    assert read == {"broken": 1, "prod1": 1, "stage1": 1}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("allowed_signers", "# who\n\nana this-is-no-key\n", "allowed_signers:3: names no person with a public key"),
        ("allowed_signers", "ana ssh-ed25519 AAAAnope\n", "allowed_signers:1: names no person with a public key"),
        ("incidents/templates/update.txt.j2", "one\n{% if %}\n", r"update.txt.j2:2: Expected an expression"),
        ("incidents/templates/update.txt.j2", "{% if not eta %}{{ ett }}{% endif %}", "uses ett; it may use: title, "),
        (
            "incidents/templates/update.txt.j2",
            "{{ title }}{% if nick is defined %}x{% endif %}",
            "uses nick; it may use",
        ),
        ("incidents/templates/proposal.approver.txt.j2", "{{ impact }}", "uses impact; it may use: playbook, hosts"),
        (
            "playbooks/toy_down.py",
            "def toy_down(:\n",
            r"the playbook toy-down cannot be used: .*toy_down\.py: cannot be",
        ),
        ("playbooks/toy_down.py", "def toy_down(): 1 / 0\ntoy_down()\n", r"toy_down\.py:1: ZeroDivisionError"),
        ("inventories/toys.yml", "toys: {hosts: {toy0: {remediate: {php: 8}}, toy1: , toy2: }}", "toys.yml:1: .*php"),
    ],
)
def test_a_file_with_which_all_could_only_fail_later_is_told_in_one_line_before_anything_runs(
    toys: ToyFleet, monkeypatch: pytest.MonkeyPatch, file: str, text: str, said: str
) -> None:
    with_policy(toys)
    (toys.root / file).parent.mkdir(parents=True, exist_ok=True)
    (toys.root / file).write_text(text)
    demand_refused(toys, monkeypatch, said)


def test_what_a_project_may_well_have_keeps_no_process_from_its_start(toys: ToyFleet) -> None:
    (toys.root / "allowed_signers").write_text(f'# who\n\nana namespaces="git" ssh-ed25519 {"A" * 64} laptop\n')
    templates = toys.root / "incidents" / "templates"
    templates.mkdir(parents=True)
    (templates / "update.txt.j2").write_text(
        "{% set now = time %}{{ title }}{% for i in range(2) %}{{ i }}{% endfor %}"
    )
    demand_usable(toys.project)
    KillSwitch().set(Pause("a migration", "ana", datetime.now(UTC)))
    demand_usable(toys.project)
    KillSwitch().path.write_text("half")  # It pauses, until somebody removes it.
    demand_usable(toys.project)
