"""The hash of a plan, and what differs between two of them.

Everything is an HMAC under the project's key. So a hash proves that the plan was made by somebody with the key, and
nobody can find a secret in it by trying values.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from remediate.core.plan import RunPlan
from remediate.project.content import content_digest
from remediate.project.project_digest import project_digest

SHOWN: Final = 12
"""Digits of a hash that are shown, and the least that are accepted."""


class PlanSeal(NamedTuple):
    """The whole hash of a plan, with a keyed digest of each thing that it binds."""

    hash: str
    parts: Mapping[str, str]

    @property
    def shown(self) -> str:
        """The beginning of the hash, for a person."""
        return self.hash[:SHOWN]


_KEY: Final = "the key of plan hashes"
"""A part that differs if the key does. Then all others do, too."""


def seal(plan: RunPlan, key: bytes, *, root: Path | None, project: str) -> PlanSeal:
    """Compute the hash of a plan of the project in this directory. Raises ConfigurationError."""
    texts = {
        _KEY: "",
        "the project (its settings, playbooks and inventories)": project_digest(root),
        f"the code of {plan.playbook}": f"{plan.playbook} {content_digest(*plan.modules)}",
        "the options of the run": plan.options,
    }
    for host in plan.hosts:
        texts |= host.bound
    parts = {name: _keyed(key, "part", project, name, text) for name, text in sorted(texts.items())}
    return PlanSeal(_keyed(key, "plan", project, json.dumps(parts)), parts)


def moved(approved: Mapping[str, str], present: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is no longer as it was approved: changed, gone or new."""
    if approved.get(_KEY) != present.get(_KEY):
        return (_KEY,)
    changed = [name for name, digest in approved.items() if name in present and present[name] != digest]
    gone = [f"{name} (no longer in the plan)" for name in _missing(approved, present)]
    new = [f"{name} (new in the plan)" for name in _missing(present, approved)]
    return (*changed, *gone, *new)


def _missing(these: Mapping[str, str], others: Mapping[str, str]) -> Iterable[str]:
    """Return what others lack. A whole host is named once."""
    hosts = {_host(name) for name in others}
    return dict.fromkeys(name if _host(name) in hosts else _host(name) for name in these if name not in others)


def _host(name: str) -> str:
    return name.partition(": ")[0]


def _keyed(key: bytes, *words: str) -> str:
    # JSON keeps the words apart, and escapes what is not UTF-8.
    return hmac.new(key, json.dumps(["remediate", 1, *words]).encode(), hashlib.sha256).hexdigest()
