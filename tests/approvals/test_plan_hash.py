"""The hash of a plan: the same for the same, another for anything that matters, and no secret to be guessed."""

import hashlib
from pathlib import Path

import pytest

from remediate.approvals.plan_hash import moved, seal
from remediate.core.plan import RunPlan
from remediate.remedies import redis
from support.approving import Team, planned

KEY = b"k" * 32


def whole(plan: RunPlan, root: Path | None = None, key: bytes = KEY, project: str = "shop") -> str:
    return seal(plan, key, root=root, project=project).hash


def test_the_same_plan_has_the_same_hash() -> None:
    assert whole(planned()) == whole(planned())
    assert len(whole(planned())) == 64
    assert seal(planned(), KEY, root=None, project="shop").shown == whole(planned())[:12]


@pytest.mark.parametrize(
    "other",
    [
        planned("web2"),
        planned("web1", "web2"),
        planned(machine="another"),
        planned(step="systemctl stop nginx"),
        planned(unit="failed again"),
        planned()._replace(playbook="do.nginx.reload"),
        planned()._replace(options='{"serial": "100%"}'),
        planned()._replace(modules=(redis.__name__,)),
    ],
)
def test_anything_else_has_another(other: RunPlan) -> None:
    assert whole(other) != whole(planned())


def test_another_key_or_project_has_another() -> None:
    assert len({whole(planned()), whole(planned(), key=b"K" * 32), whole(planned(), project="bank")}) == 3


def test_the_reason_is_only_shown_because_it_ticks() -> None:
    (host,) = planned().hosts
    later = host._replace(steps=(host.steps[0].model_copy(update={"why": "failed since 03:04"}),))
    assert whole(planned()._replace(hosts=(later,))) == whole(planned())


def test_another_project_digest_has_another(team: Team) -> None:
    first = whole(planned(), team.root)
    (team.root / "playbooks").mkdir()
    (team.root / "playbooks" / "other.py").write_text("# a playbook\n")
    second = whole(planned(), team.root)
    team.settings("minutes = 5")
    assert len({first, second, whole(planned(), team.root), whole(planned())}) == 4


def test_a_secret_cannot_be_found_by_trying_without_the_key() -> None:
    sealed = seal(planned(step="set to hunter2"), KEY, root=None, project="shop")
    plain = {hashlib.sha256(text.encode()).hexdigest() for text in ("hunter2", "set to hunter2")}
    assert plain.isdisjoint({sealed.hash, *sealed.parts.values()})
    guess = seal(planned(step="set to hunter2"), b"g" * 32, root=None, project="shop")
    assert not set(guess.parts.values()) & set(sealed.parts.values())


def test_two_equal_texts_of_different_things_have_different_digests() -> None:
    sealed = seal(planned(machine="same", unit="same"), KEY, root=None, project="shop")
    assert len(set(sealed.parts.values())) == len(sealed.parts)


def test_what_moved_is_named() -> None:
    approved, present = (seal(plan, KEY, root=None, project="shop").parts for plan in (planned(), planned(unit="up")))
    assert moved(approved, present) == ("web1: unit",)
    added = seal(planned("web1", "web2"), KEY, root=None, project="shop").parts
    assert moved(approved, added) == ("web2 (new in the plan)",)
    assert moved(added, approved) == ("web2 (no longer in the plan)",)
    others = seal(planned(), b"K" * 32, root=None, project="shop").parts
    assert moved(approved, others) == ("the key of plan hashes",)
    assert moved(approved, approved) == ()
