"""Security patches (8.2): fixes that are published but not installed, or not in use."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from typing_extensions import override

from remediate.core.host import Host
from remediate.core.playbook import Probes
from remediate.maintenance.item import Finding, Item, Sample, Seen
from remediate.maintenance.plural import counted
from remediate.maintenance.schedule import Occasion
from remediate.probes.apt import Patches, PatchState, Upgrade

_PROBE: Final = Patches()
_TYPED: Final = 30
"""Limit of packages named in one line of advice."""


class SecurityPatches(Item):
    """Missing security fixes, by the host's own apt with fresh lists."""

    name = "security-patches"
    title = "Security patches"
    occasion = Occasion.WEEKLY
    owner = "DevOps"

    @override
    def probes(self, host: Host) -> Probes:
        del host
        return (_PROBE,)

    @override
    def judge(self, seen: Seen) -> Finding:
        state = seen.facts[_PROBE]
        if state.manager != "apt":
            return Finding(
                ok=None,
                summary=f"packages are managed by {state.manager}, which is not asked: only apt is",
                advice=(f"ask {state.manager} for pending security fixes manually",),
            )
        fixes = [each for each in state.upgrades if each.security]
        age = _age(state, seen.host.settings.maintenance.lists_days)
        doubts = tuple(each for each in (age, *_doubts(state)) if each)
        pending = [f"{counted(len(fixes), 'security fix', 'security fixes')} not installed"] if fixes else []
        wrong = (*pending, *(f"a reboot is due: {why}" for why in state.reboot))
        well = None if doubts else True
        return Finding(
            ok=False if wrong else well,
            summary="; ".join((*wrong, *doubts)) or "no security fix is pending",
            evidence=(
                *(f"fix: {each.describe()}" for each in fixes),
                *(f"unclear: {each.describe()}" for each in state.upgrades if each.security is None),
                *_evidence(state),
            ),
            advice=tuple(_advice(state, fixes, stale=age is not None)),
            samples=(
                Sample(name="security", value=len(fixes), unit="packages"),
                Sample(name="other", value=len(state.upgrades) - len(fixes), unit="packages"),
            ),
        )


def _confirmed(state: PatchState) -> datetime | None:
    return None if state.confirmed is None else datetime.fromtimestamp(state.confirmed, UTC)


def _age(state: PatchState, days: int) -> str | None:
    """Return why the list of fixes cannot be trusted; None if it can."""
    confirmed = _confirmed(state)
    if confirmed is None:
        return "apt has no list of security fixes: no such archive is set up, or it was never fetched"
    if state.expired:
        return "apt's list of security fixes has expired: what came since is not known"
    age = (state.now - confirmed.timestamp()) / 86400
    return f"apt's list of security fixes is {age:.0f} days old: what came since is not known" if age > days else None


def _doubts(state: PatchState) -> Iterator[str]:
    """Yield why fixes may be missing from the list; then the answer is never yes."""
    if not state.complete:
        yield "there are more upgrades than could be read"
    if unclear := sum(each.security is None for each in state.upgrades):
        yield f"{counted(unclear, 'upgrade')} from archives that do not tell security fixes from others"
    if state.kept:
        yield f"apt would keep back {', '.join(state.kept[:5])}: whether they hold fixes is not known"


def _evidence(state: PatchState) -> Iterator[str]:
    others = [each for each in state.upgrades if each.security is False]
    if others:
        named = ", ".join(each.package for each in others[:_TYPED])
        yield f"{counted(len(others), 'other upgrade')}: {named}{' …' if len(others) > _TYPED else ''}"
    confirmed = _confirmed(state)
    if confirmed is not None:
        yield f"list of security fixes as of {confirmed:%Y-%m-%d %H:%MZ}"
    yield f"upgrades are {'' if state.unattended else 'not '}installed by themselves (unattended-upgrades)"


def _advice(state: PatchState, fixes: Sequence[Upgrade], *, stale: bool) -> Iterator[str]:
    if stale:
        yield "sudo apt-get update, and look again"
    held = [each.package for each in fixes if each.held]
    if held:
        yield f"held on purpose? If not: sudo apt-mark unhold {' '.join(held[:_TYPED])}"
    upgraded = [each.package for each in fixes if each.installed is not None]
    if upgraded and len(upgraded) <= _TYPED:
        yield f"sudo apt-get install --only-upgrade {' '.join(upgraded)}"
    elif fixes:
        yield "sudo apt-get dist-upgrade"
    if state.reboot:
        yield "plan a reboot"
