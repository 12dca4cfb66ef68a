"""Checks of a policy whose values each have the right form."""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from remediate.alerts.authentication import TERMINAL
from remediate.alerts.policy import TRIAGE, AlertPolicy, AlertSource, BearerGrant, PolicyMode, PolicyRule
from remediate.errors import nearest
from remediate.inventory.ansible_settings import Location
from remediate.inventory.ansible_values import shown

_LISTED: Final = 12


class ProjectNames(NamedTuple):
    """The names that a policy may use: playbooks, hosts, and groups that are no hosts."""

    playbooks: Collection[str]
    hosts: Collection[str]
    groups: Collection[str] = ()
    broken: Mapping[str, str] = MappingProxyType({})
    """The reason why a playbook cannot be used, by its name."""

    def no_host(self, name: str) -> str | None:
        """Return the reason why a text names no single host, None if it does."""
        if name in self.groups and name not in {"all", "ungrouped"}:
            return f"'{shown(name)}' is a group of the inventory; hosts: {some(self.hosts)}"
        if name not in self.hosts:
            return f"'{shown(name)}' is no host of the inventory; {_nearest(name, self.hosts)}hosts: {some(self.hosts)}"
        return None

    def no_playbook(self, name: str, *more: str) -> str | None:
        """Return why a text names no playbook, None if it does or is one of `more`."""
        if name in {*self.playbooks, *more}:
            return None
        if name in self.broken:
            return f"the playbook {name} cannot be used: {self.broken[name]}"
        accepted = [*more, *self.playbooks]
        return f"'{shown(name)}' is no playbook; {_nearest(name, accepted)}accepted: {some(accepted)}"


def _nearest(name: str, accepted: Collection[str]) -> str:
    return shown(nearest(name[:200], accepted), 300)


def some(names: Collection[str]) -> str:
    """Return some names for a message."""
    listed = list(names)
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return shown(", ".join(listed[:_LISTED]) or "none", 600) + more


def mistakes(policy: AlertPolicy, names: ProjectNames) -> Iterator[tuple[Location, str]]:
    """Yield every mistake with its place in the file."""
    for name, source in policy.sources.items():
        if name == TERMINAL:
            yield ("sources", name), f"{TERMINAL} is the source of `alert` itself: call it something else"
        for number, grant in enumerate(source.auto):
            yield from _of_grant(("sources", name, "auto", number), grant, names)
    seen: set[str] = set()
    for number, rule in enumerate(policy.rules):
        place: Location = ("rules", number)
        if rule.name in seen:
            yield (*place, "name"), f"a rule above is called {rule.name} as well"
        seen.add(rule.name)
        yield from _of_rule(place, rule, policy, names)


def _of_grant(place: Location, grant: BearerGrant, names: ProjectNames) -> Iterator[tuple[Location, str]]:
    for host in grant.hosts:
        if (wrong := names.no_host(host)) is not None:
            yield (*place, "hosts"), wrong
    for playbook in grant.playbooks:
        if (wrong := names.no_playbook(playbook)) is not None:
            yield (*place, "playbooks"), wrong


def _of_rule(
    place: Location, rule: PolicyRule, policy: AlertPolicy, names: ProjectNames
) -> Iterator[tuple[Location, str]]:
    if (wrong := names.no_playbook(rule.action, TRIAGE)) is not None:
        yield (*place, "action"), wrong
    for value, host in (rule.host.table or {}).items():
        if (wrong := names.no_host(host)) is not None:
            yield (*place, "host", "table", value), wrong
    for host in rule.host.names or ():
        if (wrong := names.no_host(host)) is not None:
            yield (*place, "host", "names"), wrong
    yield from _of_incident(place, rule)
    unknown = [source for source in rule.sources if source not in policy.sources]
    if unknown:
        accepted = some(policy.sources)
        yield (*place, "sources"), f"'{shown(unknown[0])}' is no source of this policy; accepted: {accepted}"
    elif rule.mode is PolicyMode.AUTO:
        yield from _of_auto((*place, "mode"), rule, policy)


def _of_incident(place: Location, rule: PolicyRule) -> Iterator[tuple[Location, str]]:
    if not rule.incident:
        for key, given in (("severity", rule.severity is not None), ("tell", rule.tell)):
            if given:
                yield (*place, key), f"{key} belongs to a rule with incident: true"
    elif rule.mode is PolicyMode.OBSERVE:
        yield (*place, "incident"), "a rule that only observes declares no incident; accepted here: false"
    elif rule.action == TRIAGE and rule.severity is None:
        yield (*place, "incident"), "an incident from triage needs a severity: triage may not see how bad it is"


def _of_auto(place: Location, rule: PolicyRule, policy: AlertPolicy) -> Iterator[tuple[Location, str]]:
    """Yield what keeps a rule from starting something by itself."""
    instead = "accepted here: observe, propose"
    if rule.action == TRIAGE:
        yield place, f"auto belongs to a playbook, and triage is none; {instead}"
    if not rule.sources:
        yield place, f"auto needs `sources`, each of them named; {instead}"
    for name in rule.sources:
        source = policy.sources[name]
        if not source.signs and (why := _not_granted(rule, source)) is not None:
            yield place, f"the source {name} does not sign, and {why}; {instead}"


def _not_granted(rule: PolicyRule, source: AlertSource) -> str | None:
    """Return why no entry of the source's `auto` covers everything that a rule may start."""
    if rule.host.hosts is None:
        return "the rule takes any host: auto needs `table` or `names`"
    for grant in source.auto:
        labels = all(
            label in rule.match and set(rule.match[label]) <= set(values) for label, values in grant.labels.items()
        )
        if labels and rule.host.hosts <= set(grant.hosts) and rule.action in grant.playbooks:
            return None
    return "no entry of its `auto` covers the labels, hosts and playbook of the rule"
