"""The plan of examined hosts, as an approval binds it."""

import json
from collections.abc import Iterable, Mapping, Sequence

from remediate.core.command import lasting
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.plan import PlannedHost, PlannedStep, RunPlan
from remediate.core.playbook import BoundPlaybook, HostPlan, Playbook, Probes, Runnable
from remediate.core.remedy import Remedy, Step
from remediate.core.verdict import Decision
from remediate.engine.judge import CLOCK, Judgement, fenced
from remediate.errors import Unreadable
from remediate.remedies.single import SingleRemedy

_REACHED_BY = ("address", "port", "user", "jumps", "host_key")
"""What leads to a host. Where a key file lies differs between machines that run the same plan."""


def planned_host(host: Host, host_plan: HostPlan, judgements: Sequence[Judgement], facts: Facts) -> PlannedHost:
    """Return the plan for one host. Raises Unreadable if which machine it is, or what a fence needs, is unknown."""
    entry = {
        "ssh": {name: getattr(host.ssh, name) for name in _REACHED_BY},
        "settings": host.settings.model_dump(mode="json"),
    }
    bound = {
        f"{host.name}: its entry in the inventory": json.dumps(entry, sort_keys=True),
        **_machine(host.name, facts),
    }
    steps: list[PlannedStep] = []
    for position, (remedy, verdict) in enumerate(judgements):
        if verdict.decision is Decision.PROCEED:
            commands = tuple(remedy.apply(facts))
            bound |= bound_step(host.name, position, remedy, commands)
            bound |= bound_facts(host.name, fenced(host_plan, remedy), facts)
            steps.append(
                PlannedStep(
                    host=host.name,
                    remedy=remedy.kind,
                    title=remedy.title(),
                    why=verdict.reason,
                    commands=tuple(str(command) for command in commands),
                )
            )
    return PlannedHost(host.name, bound, tuple(steps), host.secrets)


def bound_step(host: str, position: int, remedy: Remedy, commands: Sequence[Step]) -> Mapping[str, str]:
    """Return the remedy at a position of a plan with everything that it would run."""
    exact = [
        {
            **command.model_dump(mode="json"),
            "stdin": None if command.stdin is None else command.stdin.get_secret_value(),
        }
        for command in commands
    ]
    text = json.dumps([remedy.model_dump(mode="json"), exact], sort_keys=True)
    return {f"{host}: step {position + 1}, {remedy.kind} on {remedy.title()}": text}


def bound_facts(host: str, probes: Probes, facts: Facts) -> Mapping[str, str]:
    """Return the answers that a fence compares, without what changes by itself. Raises Unreadable."""
    texts: dict[str, str] = {}
    for probe in probes:
        output = facts.output(probe)
        name = f"{host}: {probe.label()} ({probe.kind})"
        asked = probe.model_dump_json(exclude={"kind"})
        # Two questions of one kind may have the same label.
        texts[name] = texts.get(name, "") + json.dumps([asked, lasting(output.stdout, probe.volatile), output.exit])
    return texts


def _machine(host: str, facts: Facts) -> Mapping[str, str]:
    """Return which machine answers, since which boot. Raises Unreadable."""
    machine = facts[CLOCK]
    return {f"{host}: the machine": machine.machine_id, f"{host}: the boot of the machine": machine.boot_id}


def run_plan(runnable: Runnable, options: Options, remedies: Iterable[Remedy], hosts: Sequence[PlannedHost]) -> RunPlan:
    """Return the plan of a run on these hosts."""
    match runnable:
        case Playbook():
            modules = [runnable.__module__]
        case BoundPlaybook():
            modules = [runnable.playbook.__module__]
        case _:
            modules = [type(remedy).__module__ for remedy in remedies]
    given = runnable.secrets if isinstance(runnable, SingleRemedy) else ()
    deciding = {"overrides": sorted(options.overrides), "serial": options.serial, "max_fail": options.max_fail}
    return RunPlan(
        playbook=runnable.name,
        modules=tuple(dict.fromkeys(modules)),
        options=json.dumps(deciding, sort_keys=True),
        hosts=tuple(hosts),
        secrets=(*given, *(secret for host in hosts for secret in host.secrets)),
    )


class HeldPlan:
    """The approved plan of one host, which its steps must not leave."""

    def __init__(self, approved: PlannedHost, host_plan: HostPlan) -> None:
        self._approved = approved
        self._host_plan = host_plan

    def departure(
        self, position: int, remedy: Remedy, commands: Sequence[Step], facts: Facts, *, changed: bool
    ) -> str | None:
        """Return what is not as it was approved just before a step, None if all is.

        Once this run has changed something on the host, other facts may follow from that. The commands never do.
        """
        present = dict(bound_step(self._approved.name, position, remedy, commands))
        try:
            if not changed:
                present |= _machine(self._approved.name, facts)
                present |= bound_facts(self._approved.name, fenced(self._host_plan, remedy), facts)
        except Unreadable as why:
            return str(why)
        differs = (name for name, text in present.items() if self._approved.bound.get(name) != text)
        return next((f"{name} is not as it was approved" for name in differs), None)
