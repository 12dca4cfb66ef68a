"""Judgement of apt's answers: pending fixes are a no, old lists never a yes."""

import pytest

from remediate.maintenance.item import Finding
from remediate.maintenance.items.security_patches import SecurityPatches
from remediate.probes.apt import PatchState
from support import daily_examples as ex
from support.toy_looks import host, judged

ITEM = SecurityPatches()
(PROBE,) = ITEM.probes(host())
OLD = ex.SECURITY.model_copy(update={"confirmed": ex.NOW - 10 * ex.DAY})


def look(state: PatchState) -> Finding:
    return judged(ITEM, {PROBE: state})


def test_nothing_pending() -> None:
    found = look(ex.patches())
    assert (found.ok, found.summary, found.advice) == (True, "no security fix is pending", ())
    assert found.evidence == (
        "list of security fixes as of 2026-11-23 16:00Z",
        "upgrades are not installed by themselves (unattended-upgrades)",
    )


def test_a_pending_fix() -> None:
    found = look(ex.patches(ex.OTHER, ex.FIX, unattended=True))
    assert (found.ok, found.summary) == (False, "1 security fix not installed")
    assert found.evidence[:2] == (
        "fix: libssl3 3.0.15-1~deb12u1 -> 3.0.17-1~deb12u3 (Debian:12.11/stable, Debian-Security:12/stable-security)",
        "1 other upgrade: bash",
    )
    assert found.advice == ("sudo apt-get install --only-upgrade libssl3",)
    assert [(each.name, each.value) for each in found.samples] == [("security", 1), ("other", 1)]
    assert "upgrades are installed by themselves" in found.evidence[-1]


def test_other_upgrades_of_the_distribution_are_none() -> None:
    assert look(ex.patches(ex.OTHER)).ok is True


def test_an_upgrade_that_comes_with_an_earlier_fix() -> None:
    assert look(ex.patches(ex.OTHER.model_copy(update={"supersedes": "5.2.15-2+b9"}))).ok is False


def test_an_archive_that_does_not_tell_fixes_apart() -> None:
    found = look(ex.patches(ex.THIRD))
    assert (found.ok, found.summary.startswith("1 upgrade from archives that do not tell")) == (None, True)
    assert found.evidence[0].startswith("unclear: php8.3-fpm 8.3.1-1 -> 8.3.2-1 (sury:12/bookworm)")


def test_a_fix_that_is_held_back() -> None:
    found = look(ex.patches(ex.FIX.model_copy(update={"held": True})))
    assert (found.ok, "held back by apt-mark" in found.evidence[0]) == (False, True)
    assert found.advice[0] == "held on purpose? If not: sudo apt-mark unhold libssl3"


def test_kept_back_for_other_reasons() -> None:
    found = look(ex.patches(kept=("nginx",)))
    assert (found.ok, found.summary) == (None, "apt would keep back nginx: whether they hold fixes is not known")


@pytest.mark.parametrize(
    ("known", "ok"),
    [
        ({"indices": (OLD,)}, None),
        ({"indices": (OLD,), "stamp": ex.NOW - 60}, True),
        ({"indices": (OLD,), "stamp": ex.NOW - 5 * ex.DAY}, None),
        ({"indices": (OLD.model_copy(update={"expires": ex.NOW - 60}),), "stamp": ex.NOW - 60}, None),
        ({"indices": (OLD.model_copy(update={"expires": None}),), "stamp": ex.NOW - 60}, None),
        ({"indices": (ex.SECURITY, OLD)}, None),
        # Its file is young, as after a restore, and what it says of itself is over.
        ({"indices": (ex.SECURITY.model_copy(update={"expires": ex.NOW}),)}, None),
        ({"indices": (ex.SECURITY, ex.SECURITY.model_copy(update={"expires": ex.NOW - ex.DAY}))}, None),
        ({"indices": ()}, None),
        ({"indices": (ex.SECURITY.model_copy(update={"suite": "stable", "label": "Acme Security"}),)}, None),
    ],
)
def test_old_lists_say_nothing(known: dict[str, object], ok: bool | None) -> None:
    found = look(ex.patches(**known))
    assert found.ok is ok
    assert ("sudo apt-get update, and look again" in found.advice) is (ok is None)
    assert look(ex.patches(ex.FIX, **known)).ok is False


def test_a_reboot_is_due() -> None:
    found = look(ex.patches(reboot=("kernel 6.1.0-39-amd64 runs, 6.1.0-40-amd64 is installed",)))
    assert (found.ok, found.summary) == (
        False,
        "a reboot is due: kernel 6.1.0-39-amd64 runs, 6.1.0-40-amd64 is installed",
    )
    assert found.advice == ("plan a reboot",)


def test_more_than_can_be_read() -> None:
    assert look(ex.patches(complete=False)).ok is None


def test_many_fixes_are_one_command() -> None:
    many = tuple(ex.FIX.model_copy(update={"package": f"lib{number}"}) for number in range(31))
    assert look(ex.patches(*many)).advice == ("sudo apt-get dist-upgrade",)
    kernel = ex.FIX.model_copy(update={"package": "linux-image-6.1.0-40-amd64", "installed": None})
    assert look(ex.patches(kernel)).advice == ("sudo apt-get dist-upgrade",)


def test_another_manager_is_not_asked() -> None:
    found = look(PatchState(manager="dnf"))
    assert (found.ok, found.summary.startswith("packages are managed by dnf")) == (None, True)


def test_it_needs_no_root() -> None:
    assert ITEM.privileges(host()) == ()
