"""Pending upgrades, the age of apt's lists, and a pending reboot, without root."""

import re
from typing import Annotated, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable

Package = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.:_-]{0,120}$")]
"""A package name (Debian Policy 5.6.7), with `:architecture` behind it if apt prints one.

The pattern is strict because a person will type the name.
"""
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9.+:~-]{1,120}$")]

_DISTRIBUTIONS: Final = ("Debian", "Ubuntu", "Raspbian")
"""Labels of archives that keep security fixes in a separate suite.

An upgrade from another suite of such an archive is no security fix.
"""


def _for_fixes(label: str, suite: str) -> bool:
    """Return whether an archive holds security fixes: Debian's, Ubuntu's or Ubuntu ESM's."""
    return label == "Debian-Security" or suite.endswith("-security")


class Upgrade(FrozenModel):
    """One package that apt would upgrade, or would install because an upgrade needs it."""

    package: Package
    installed: Version | None = Field(description="None where it is a new one, as every kernel is")
    candidate: Version
    origins: tuple[str, ...] = Field(description="label, version and suite of each archive that has it")
    supersedes: Version | None = Field(default=None, description="a newer version that came as a security fix")
    held: bool = Field(default=False, description="somebody asked apt to leave it as it is (apt-mark hold)")

    @property
    def security(self) -> bool | None:
        """True if it is a security fix; None if its archive does not mark them."""
        archives = [(origin.partition(":")[0], origin.rpartition("/")[2]) for origin in self.origins]
        if self.supersedes is not None or any(_for_fixes(label, suite) for label, suite in archives):
            return True
        return False if archives and all(label in _DISTRIBUTIONS for label, _ in archives) else None

    def describe(self) -> str:
        """Return the package, its versions and its origins as text."""
        words = [*self.origins]
        words += [f"with the security fix {self.supersedes}"] if self.supersedes is not None else []
        words += ["held back by apt-mark"] if self.held else []
        return f"{self.package} {self.installed or 'new'} -> {self.candidate} ({', '.join(words)})"


class Index(FrozenModel):
    """The state of apt's list of one archive."""

    confirmed: int = Field(ge=0, le=2**33, description="when it was last written, in seconds since 1970")
    expires: int | None = Field(ge=0, le=2**33, description="until when the archive says it holds, where it does")
    suite: str = Field(max_length=100)
    label: str = Field(max_length=200)

    @property
    def security(self) -> bool:
        """True if the archive holds security fixes."""
        return _for_fixes(self.label, self.suite)


class PatchState(Fact):
    """Pending upgrades, the age of apt's lists, and the reasons for a reboot."""

    manager: str = Field(max_length=20, description="apt; or another one, which was not asked")
    now: int = Field(default=0, ge=0, le=2**33, description="the host's clock, in seconds since 1970")
    stamp: int | None = Field(default=None, ge=0, le=2**33, description="when apt's own timer last fetched its lists")
    indices: tuple[Index, ...] = ()
    reboot: tuple[str, ...] = Field(default=(), description="why a reboot is wanted")
    unattended: bool = Field(default=False, description="whether upgrades are installed by themselves")
    upgrades: tuple[Upgrade, ...] = ()
    kept: tuple[str, ...] = Field(default=(), description="packages that apt would keep back for other reasons")
    complete: bool = Field(default=True, description="whether all upgrades are listed")

    @property
    def confirmed(self) -> int | None:
        """The last confirmation of the security lists, in seconds since 1970; None without such lists.

        apt leaves a list alone that has not changed on the server, and then only the stamp shows that it asked
        (measured, apt 2.6). The stamp is also set if some lists could not be fetched. So it counts only if every
        security list has an expiry date that has not passed.
        """
        own = [each for each in self.indices if each.security]
        if not own:
            return None
        oldest = min(each.confirmed for each in own)
        holds = all(each.expires is not None and each.expires > self.now for each in own)
        return max(oldest, self.stamp) if self.stamp is not None and holds else oldest

    @property
    def expired(self) -> bool:
        """True if a security list is older than its archive allows (Valid-Until).

        The file itself may be newer: in an image, on a restored machine, or after a change of its mode.
        """
        return any(each.security and each.expires is not None and each.expires <= self.now for each in self.indices)

    @property
    @override
    def ok(self) -> bool | None:
        return False if any(each.security for each in self.upgrades) or self.reboot else None

    @override
    def describe(self) -> str:
        if self.manager != "apt":
            return f"packages are managed by {self.manager}"
        security = sum(each.security is True for each in self.upgrades)
        return f"{len(self.upgrades)} upgrades pending, {security} of them security fixes"


_ASK: Final = r"""
command -v apt-get >/dev/null || {
  for each in dnf yum apk zypper pacman; do
    command -v "$each" >/dev/null && { echo "manager $each"; exit 0; }
  done
  echo "manager none"; exit 0
}
echo "manager apt"
date '+now %s'
for each in /var/lib/apt/periodic/update-success-stamp /var/lib/apt/periodic/update-stamp; do
  [ ! -e "$each" ] || stat -c 'stamp %Y' "$each"
done
for each in /var/lib/apt/lists/*Release; do
  [ -f "$each" ] || continue
  until=$(sed -n 's/^Valid-Until: //p' "$each" | head -n 1)
  [ -z "$until" ] || until=$(date -d "$until" +%s)
  suite=$(sed -n 's/^Suite: //p' "$each" | head -n 1 | tr -d ' ')
  echo "index $(stat -c %Z "$each") ${until:--} ${suite:--} $(sed -n 's/^Label: //p' "$each" | head -n 1)"
done
[ ! -e /run/reboot-required ] ||
  echo "reboot $(sort -u /run/reboot-required.pkgs 2>/dev/null | head -n 20 | tr '\n' ' ')"
echo "running $(uname -r)"
for each in /boot/vmlinuz-*; do [ ! -f "$each" ] || echo "kernel ${each#/boot/vmlinuz-}"; done
command -v unattended-upgrade >/dev/null && found=$(apt-config dump APT::Periodic::Unattended-Upgrade) || found=
echo "unattended $found"
apt-mark showhold | sed 's/^/held /'
# With holds, preferences and a default release set aside: what they keep back may have a hole all the same.
said=$(apt-get -s -o Debug::NoLocking=1 -o APT::Get::Show-User-Simulation-Note=false -o APT::Ignore-Hold=1 \
  -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Default-Release= dist-upgrade)
status=$?
# Fixes first, for the answer has its limit.
printf '%s\n' "$said" | sed -n '/^Inst .*[Ss]ecurity/p'
printf '%s\n' "$said" | sed -n '/kept back:$/,/^[^ ]/p;/^Inst /{/[Ss]ecurity/!p}'
others=$(printf '%s\n' "$said" | sed -n '/[Ss]ecurity/d;s/^Inst \([^ ]*\) \[\([^]]*\)\].*/\1 \2/p')
[ -z "$others" ] || apt-cache madison $(printf '%s\n' "$others" | cut -d ' ' -f 1) |
  sed -n 's/^ *\([^ |]*\) *| *\([^ |]*\) *|.*security.* Packages$/\1 \2/p' | while read -r name version; do
    was=$(printf '%s\n' "$others" | awk -v name="$name" '$1 == name { print $2; exit }')
    [ -z "$was" ] || ! dpkg --compare-versions "$version" gt "$was" || echo "also $name $version"
  done
exit $status
"""
_INST: Final = re.compile(r"Inst (\S+) (?:\[([^\]]+)\] )?\((\S+) ?(.*?) ?\[[^\[\]]*\]\)")
_KERNEL: Final = re.compile(r"(\d+(?:[.-]\d+)*)(.*)")


class Patches(Probe[PatchState]):
    """Simulate an upgrade with the lists that apt has.

    Nothing is fetched, locked or changed, and root is not needed. The lists may be old, so their age is part of the
    answer. `accepts_truncated` is set because every upgrade that was read is pending, even if others are missing.
    """

    kind: Literal["apt.patches"] = "apt.patches"
    subject = "pending upgrades"
    accepts_truncated = True

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _ASK, "sh", seconds=30)

    @override
    def parse(self, output: Output) -> PatchState:
        lines = output.stdout.splitlines()
        if output.cut:
            del lines[-1:]
        facts: dict[str, list[str]] = {}
        for line in lines:
            word, _, rest = line.partition(" ")
            facts.setdefault(word, []).append(rest.strip())
        match facts.get("manager"):
            case ["apt"]:
                pass
            case [str(other)] if re.fullmatch(r"[a-z]{2,10}", other):
                return PatchState(manager=other)
            case _:
                raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        if output.exit != 0 and not output.cut:
            raise Unreadable(f"{self.label()}: apt-get ended with {output.exit}: {last_line(output.stderr)}")
        try:
            return self._read(facts, lines, complete=not output.cut)
        except ValueError:  # pydantic's ValidationError is one
            raise Unreadable(f"{self.label()}: unexpected answer from apt") from None

    def _read(self, facts: dict[str, list[str]], lines: list[str], *, complete: bool) -> PatchState:
        stamps = [whole_number(stamp, "stamp") for stamp in facts.get("stamp", ())]
        marks = (set(facts.get("held", ())), dict(line.split(" ", 1) for line in facts.get("also", ())))
        unattended = facts.get("unattended", [""])[0]
        return PatchState(
            manager="apt",
            now=whole_number(facts.get("now", [""])[0], "date"),
            stamp=max(stamps, default=None),
            indices=tuple(map(_index, facts.get("index", ()))),
            reboot=_reboot(facts),
            unattended=re.search(r'Unattended-Upgrade "[1-9]', unattended) is not None,
            upgrades=tuple(_upgrade(line, *marks) for line in lines if line.startswith("Inst ")),
            kept=tuple(_kept(lines)),
            complete=complete,
        )


def _index(line: str) -> Index:
    confirmed, expires, suite, *label = line.split()
    until = None if expires == "-" else whole_number(expires, "Valid-Until")
    return Index(confirmed=whole_number(confirmed, "index"), expires=until, suite=suite, label=" ".join(label))


def _reboot(facts: dict[str, list[str]]) -> tuple[str, ...]:
    why = [f"/run/reboot-required is there ({said or 'for no package'})"[:300] for said in facts.get("reboot", ())]
    running = facts.get("running", [""])[0]
    # Another flavour may be booted on purpose, so only kernels of the running flavour are compared.
    newest = max(
        (each for each in facts.get("kernel", ()) if _flavour(each) == _flavour(running)), key=_age, default=""
    )
    if newest and _age(newest) > _age(running):
        why.append(f"kernel {running} runs, {newest} is installed"[:300])
    return tuple(why)


def _flavour(kernel: str) -> str:
    found = _KERNEL.fullmatch(kernel)
    return found[2] if found else kernel


def _age(kernel: str) -> tuple[int, ...]:
    found = _KERNEL.fullmatch(kernel)
    return tuple(int(number[:9]) for number in re.findall(r"\d+", found[1])) if found else ()


def _upgrade(line: str, held: set[str], also: dict[str, str]) -> Upgrade:
    found = _INST.match(line)
    if found is None:
        raise ValueError("not what apt-get -s prints")
    package, installed, candidate, origins = found.groups()
    return Upgrade(
        package=package,
        installed=installed,
        candidate=candidate,
        origins=tuple(each.strip()[:100] for each in origins.split(",") if each.strip()),
        supersedes=also.get(package),
        held=package.partition(":")[0] in {each.partition(":")[0] for each in held},
    )


def _kept(lines: list[str]) -> list[str]:
    """Return the packages that apt lists, indented, as kept back."""
    found: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("The following packages have been kept back:"):
            inside = True
        elif not line.startswith(" "):
            inside = False
        elif inside:
            found += [word[:120] for word in line.split()]
    return found[:200]
