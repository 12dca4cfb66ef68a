"""Security patches on a real host: its apt, with a fix pending and installed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from support.maintained import Looks

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

_AWAY: Final = r"""
mkdir -p /root/apt-away/lists /root/apt-away/etc
mv /var/lib/apt/lists/* /root/apt-away/lists/ 2>/dev/null
mv /etc/apt/sources.list /etc/apt/sources.list.d /root/apt-away/etc/ 2>/dev/null
mkdir -p /etc/apt/sources.list.d /var/lib/apt/lists/partial /srv/fixes
rm -f /var/lib/apt/periodic/*
"""
_BACK: Final = r"""
dpkg --purge staging-fixed 2>/dev/null
rm -rf /srv/fixes /var/lib/apt/lists/* /etc/apt/sources.list /etc/apt/sources.list.d /usr/local/bin/date
rm -f /run/reboot-required
mv /root/apt-away/lists/* /var/lib/apt/lists/ 2>/dev/null
mv /root/apt-away/etc/* /etc/apt/ 2>/dev/null
rm -rf /root/apt-away
true
"""
_PUBLISH: Final = r"""
cd /srv/fixes
mkdir -p build/DEBIAN
cat > build/DEBIAN/control <<CONTROL
Package: staging-fixed
Version: $1
Architecture: all
Maintainer: staging <staging@example.com>
Description: a package that has a hole, and then has not
CONTROL
dpkg-deb --build build "staging-fixed_$1_all.deb" > /dev/null
deb="staging-fixed_$1_all.deb"
{ cat build/DEBIAN/control
  echo "Filename: ./$deb"
  echo "Size: $(stat -c %s "$deb")"
  echo "SHA256: $(sha256sum "$deb" | cut -d ' ' -f 1)"
  echo
} > Packages
{ echo "Origin: Debian"
  echo "Label: $2"
  echo "Suite: $3"
  echo "Version: 12"
  echo "Date: $(date -uR)"
  echo "Valid-Until: $(date -uR -d '+7 days')"
  echo "SHA256:"
  echo " $(sha256sum Packages | cut -d ' ' -f 1) $(stat -c %s Packages) Packages"
} > Release
echo 'deb [trusted=yes] file:/srv/fixes ./' > /etc/apt/sources.list.d/fixes.list
apt-get -q --allow-releaseinfo-change update > /dev/null
"""


class Archive:
    """An archive on the host itself: what it publishes, apt then knows."""

    def __init__(self, staged: "Staged") -> None:
        self._staged = staged

    def publish(self, version: str, *, label: str = "Debian-Security", suite: str = "oldstable-security") -> None:
        self._staged.sh(f"set -e -- {version} {label} {suite}\n{_PUBLISH}")

    def install(self, words: str = "install -y staging-fixed") -> None:
        self._staged.sh(f"DEBIAN_FRONTEND=noninteractive apt-get -q {words}")


@pytest.fixture
def archive(staged: "Staged") -> Iterator[Archive]:
    staged.sh(_AWAY)
    yield Archive(staged)
    staged.sh(_BACK)


@pytest.fixture
def looks(cli: "Cli", staged: "Staged", archive: Archive) -> Looks:
    return Looks(cli, staged)


def test_a_fix_is_pending_and_then_installed(looks: Looks, archive: Archive, staged: "Staged") -> None:
    without = looks("maintain.weekly", "security-patches")
    assert (without.ok, "apt has no list of security fixes" in without.summary) == (None, True), without.summary

    archive.publish("1.0")
    archive.install()
    assert looks("maintain.weekly", "security-patches").ok is True

    archive.publish("1.1")
    pending = looks("maintain.weekly", "security-patches")
    assert (pending.ok, pending.summary) == (False, "1 security fix not installed")
    assert pending.evidence[0] == "fix: staging-fixed 1.0 -> 1.1 (Debian-Security:12/oldstable-security)"
    assert pending.advice == ("sudo apt-get install --only-upgrade staging-fixed",)
    assert staged.sh("dpkg-query -W -f '${Version}' staging-fixed") == "1.0"

    staged.sh("apt-mark hold staging-fixed")
    held = looks("maintain.weekly", "security-patches")
    assert (held.ok, "held back by apt-mark" in held.evidence[0]) == (False, True)
    staged.sh("apt-mark unhold staging-fixed")

    archive.install(pending.advice[0].removeprefix("sudo apt-get ") + " -y")
    assert staged.sh("dpkg-query -W -f '${Version}' staging-fixed") == "1.1"
    after = looks("maintain.weekly", "security-patches")
    assert (after.ok, after.summary) == (True, "no security fix is pending")


def test_lists_that_are_old_say_nothing(looks: Looks, archive: Archive, staged: "Staged") -> None:
    archive.publish("1.0")
    archive.install()
    assert looks("maintain.weekly", "security-patches").ok is True
    # When a file was written cannot be set: so the clock goes on instead.
    later = '#!/bin/sh\\ncase $1 in +*) exec /bin/date -d "+5 days" "$@" ;; esac\\nexec /bin/date "$@"\\n'
    staged.sh(f"printf '{later}' > /usr/local/bin/date; chmod 755 /usr/local/bin/date")
    old = looks("maintain.weekly", "security-patches")
    assert (old.ok, "apt's list of security fixes is 5 days old" in old.summary) == (None, True), old.summary
    assert old.advice == ("sudo apt-get update, and look again",)
    # As apt's own timer does after it has asked and nothing had changed.
    staged.sh("mkdir -p /var/lib/apt/periodic; touch -d '+4 days' /var/lib/apt/periodic/update-stamp")
    assert looks("maintain.weekly", "security-patches").ok is True
    staged.sh("rm /var/lib/apt/periodic/update-stamp")


def test_upgrades_that_are_no_fixes_and_such_as_nobody_can_tell(looks: Looks, archive: Archive) -> None:
    archive.publish("1.0", label="Debian", suite="oldstable")
    archive.install()
    archive.publish("1.1", label="Debian", suite="oldstable")
    other = looks("maintain.weekly", "security-patches")
    assert "1 other upgrade: staging-fixed" in other.evidence
    assert other.ok is None  # there is no list of fixes at all
    archive.publish("1.1", label="Sury", suite="bookworm")
    unclear = looks("maintain.weekly", "security-patches")
    assert (unclear.ok, "1 upgrade from archives that do not tell" in unclear.summary) == (None, True), unclear.summary


def test_a_reboot_is_due(looks: Looks, archive: Archive, staged: "Staged") -> None:
    archive.publish("1.0")
    staged.sh("touch /run/reboot-required; echo libc6 > /run/reboot-required.pkgs")
    found = looks("maintain.weekly", "security-patches")
    staged.sh("rm -f /run/reboot-required*")
    assert (found.ok, "a reboot is due: /run/reboot-required is there (libc6)" in found.summary) == (False, True)
