"""Rendering of host output about logged errors, queue movement and pending upgrades."""

import json
from collections.abc import Iterator

from remediate.core.command import Output
from remediate.core.probe import Fact
from remediate.probes.apt import PatchState
from remediate.probes.error_log import ErrorLogState
from remediate.probes.php import MARKER
from remediate.probes.queue import StoreTrouble
from remediate.probes.queue_motion import QueueMotionState


def of_daily(fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    answer: object
    match fact:
        case PatchState():
            return Output(stdout="".join(f"{line}\n" for line in _apt(fact)), cut=not fact.complete)
        case QueueMotionState(trouble=StoreTrouble() as trouble):
            answer = {"state": "failed", "why": trouble.value, "code": 0}
        case QueueMotionState():
            answer = {**fact.model_dump(mode="json", exclude={"trouble"}), "state": "ok"}
        case ErrorLogState():
            answer = {**fact.model_dump(mode="json"), "state": "ok"}
        case _:
            return None
    return Output(stdout=f"\n{MARKER}{json.dumps(answer)}\n")


def _apt(fact: PatchState) -> Iterator[str]:
    yield f"manager {fact.manager}"
    if fact.manager != "apt":
        return
    yield f"now {fact.now}"
    if fact.stamp is not None:
        yield f"stamp {fact.stamp}"
    for index in fact.indices:
        yield f"index {index.confirmed} {'-' if index.expires is None else index.expires} {index.suite} {index.label}"
    yield from _reboot(fact)
    yield f'unattended APT::Periodic::Unattended-Upgrade "{int(fact.unattended)}";'
    for each in fact.upgrades:
        if each.held:
            yield f"held {each.package}"
        was = "" if each.installed is None else f"[{each.installed}] "
        yield f"Inst {each.package} {was}({each.candidate} {', '.join(each.origins)} [amd64])"
        if each.supersedes is not None:
            yield f"also {each.package} {each.supersedes}"
    if fact.kept:
        yield "The following packages have been kept back:"
        yield f"  {' '.join(fact.kept)}"
    yield "0 upgraded"


def _reboot(fact: PatchState) -> Iterator[str]:
    yield "running 6.1.0-39-amd64"
    for why in fact.reboot:
        if why.startswith("kernel "):
            yield f"kernel {why.split()[3]}"
        else:
            yield f"reboot {why.partition('(')[2].removesuffix(')')}"
