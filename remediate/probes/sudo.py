"""The commands that sudo allows the SSH user without a password."""

import re
import zlib
from base64 import b64decode
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.helper import declared_in
from remediate.core.probe import Fact, Probe, last_line
from remediate.core.program_text import HELPER
from remediate.errors import Unreadable

_EVERYTHING = "ALL"
# The folders above the helper are checked as well, because a user who can write one of them can replace the helper. A
# listing can be long if many rules come from a directory. Packed, it stays well below the limit of an answer.
_LIST = """
if [ "$(id -u)" = 0 ]; then echo root; exit; fi
id -un || exit
everything() {
if [ -x "$1" ]; then
echo "helper$(find / "${1%/*/*}" "${1%/*}" "$1" -maxdepth 0 \\( ! -user root -o -perm /022 \\) -printf ' %p')"
grep "^'" "$1"
else echo none; fi
echo
sudo -n -ll
}
if command -v gzip >/dev/null && command -v base64 >/dev/null
then exec 4>&1; s=$({ { everything "$1"; echo "$?" >&3; } | gzip -9n | base64 >&4; } 3>&1); exit "$s"
else everything "$1"
fi
"""
_OPEN = re.compile(
    r"/usr/bin/mariadb .*--init-command|/usr/bin/supervisorctl (?!-)|/bin/sh -c |/usr/bin/php\S* (?:-n )?-r "
)
"""Rules through which the caller can run anything. remediate generated them up to 0.1.

They have blanks in an argument, and sudo compares arguments joined by blanks, so words can be merged into another
command. Or they start a program that reads its configuration from the caller's directory.
"""
_PACKED = "H4sI"
_UNPACKED_LIMIT = 1024 * 1024
_ENTRY = re.compile(r"\n(?:Sudoers entry:|LDAP Role:)[^\n]*(?=\n)")
"""Start of one entry in the listing.

An entry comes from a file, or from LDAP, IPA or SSSD, with the role's name.
"""


class SudoRule(FrozenModel):
    """One command of one sudoers entry, as `sudo -ll` lists it."""

    run_as: tuple[str, ...]
    command: str
    password: bool = Field(description="whether it asks for a password")

    @property
    def opens_a_shell(self) -> bool:
        """True if the caller can run anything through it, as with rules generated up to 0.1."""
        return not self.password and bool(_OPEN.match(self.command))


class SudoRules(Fact):
    """The rules in the order of the policy. The last one that matches decides (sudoers(5))."""

    user: str
    rules: tuple[SudoRule, ...]
    declared: tuple[str, ...] | None = Field(
        default=None, description="what the host's helper may be asked (Run.declared); null where there is no helper"
    )
    writable: tuple[str, ...] = Field(
        default=(), description="the helper, or folders above it, that others than root can write: it is not used then"
    )

    @property
    def dangers(self) -> tuple[str, ...]:
        """Reasons why the installed rules allow more than they say, each a sentence."""
        found = [f"others than root can write {path}, and with it remediate's helper" for path in self.writable]
        opened = sorted({each.command.split(" ", 1)[0] for each in self.rules if each.opens_a_shell})
        if opened:
            what = f"rules for {', '.join(opened)} let {self.user} run anything as another user"
            found.append(f"{what}; remediate printed such rules up to 0.1")
        return tuple(found)

    @property
    @override
    def ok(self) -> bool | None:
        return False if self.dangers else None

    @override
    def describe(self) -> str:
        if self.dangers:
            return "; ".join(self.dangers)
        return "not needed: the login is root" if self.user == ROOT else f"{len(self.rules)} sudo rules for {self.user}"

    def allows(self, run: Run) -> bool:
        """Return whether the command would run now, without asking for a password.

        If the host has a helper, commands that are meant for it run only through it.
        """
        if run.user is None or run.user == self.user or self.user == ROOT:
            return True
        if run.verb and self.declared is not None:
            return not self.writable and run.declared in self.declared and self._allowed(*run.permission)
        return self._allowed(run.user, run.argv)

    def _allowed(self, user: str | None, argv: tuple[str, ...]) -> bool:
        for rule in reversed(self.rules):
            if user is None or not _runs_as(rule.run_as, user):
                continue
            match _matches(rule.command.removeprefix("!"), argv):
                case True:
                    return not rule.command.startswith("!") and not rule.password
                case None if rule.command.startswith("!") or rule.password:
                    return False
        return False


class Sudo(Probe[SudoRules]):
    """List the sudo rules of the SSH user.

    `sudo -n -l COMMAND` is no use: as soon as the user has any rule without a password, it says yes to commands that
    will ask for one. The long listing shows this for each rule. A login with uid 0 is not listed and needs no sudo on
    the host: the script runs its commands directly (remediate.transport.script), and reports `root`, whatever the
    account is called.
    """

    brief: ClassVar[bool] = True

    kind: Literal["sudo.rules"] = "sudo.rules"
    subject = "sudo rules"

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _LIST, "sh", HELPER, seconds=10)

    @override
    def parse(self, output: Output) -> SudoRules:
        user, _, packed = output.stdout.partition("\n")
        if not user:
            raise Unreadable(f"sudo rules: {last_line(output.stderr)}")
        if user == ROOT:
            return SudoRules(user=user, rules=())
        helper, gap, listing = _unpacked(packed).partition("\n\n")
        state, _, declared = helper.partition("\n")
        word, *writable = state.split() or [""]
        if not gap or word not in {"helper", "none"}:
            raise Unreadable("sudo rules: no answer about the helper")
        try:
            known = None if word == "none" else declared_in(declared)
        except ValueError:
            raise Unreadable(f"sudo rules: {HELPER} is damaged: install it again") from None
        # sudo exits with 1 and lists nothing if every command needs a password, or if none is allowed.
        defaults, *entries = _ENTRY.split(f"\n{listing}")
        free = _option(defaults, "authenticate", default=True) is False
        return SudoRules(
            user=user,
            rules=tuple(rule for entry in entries for rule in _rules(entry, free=free)),
            declared=known,
            writable=tuple(writable),
        )


def _unpacked(listing: str) -> str:
    if not listing.startswith(_PACKED):
        return listing
    try:
        unpacker = zlib.decompressobj(wbits=31)
        data = unpacker.decompress(b64decode(listing, validate=False), _UNPACKED_LIMIT)
    except (ValueError, zlib.error):
        raise Unreadable("sudo rules: the packed listing is damaged") from None
    if not unpacker.eof:
        raise Unreadable("sudo rules: the packed listing is cut off")
    return data.decode(errors="backslashreplace")


def _rules(entry: str, *, free: bool) -> list[SudoRule]:
    head, _, commands = entry.partition("\n    Commands:")
    run_as = re.search(r"^\s*RunAsUsers: (.*)$", head, re.MULTILINE)
    options = re.search(r"^\s*Options: (.*)$", head, re.MULTILINE)
    password = _option(options[1] if options else "", "authenticate", default=not free)
    users = tuple(word.strip() for word in run_as[1].split(",")) if run_as else ("root",)
    return [
        SudoRule(run_as=users, command=line.strip(), password=password)
        for line in commands.splitlines()
        if line.startswith("\t") and line.strip()
    ]


def _option(text: str, name: str, *, default: bool) -> bool:
    found = re.findall(rf"(?:^|[\s,])(!?){name}(?=$|[\s,])", text)
    return found[-1] == "" if found else default


def _runs_as(users: tuple[str, ...], wanted: str) -> bool:
    decided = False
    for user in users:
        if user.removeprefix("!") in {_EVERYTHING, wanted}:
            decided = not user.startswith("!")
    return decided


def _matches(rule: str, argv: tuple[str, ...]) -> bool | None:
    """Return whether a rule matches; None if Python reads its pattern differently."""
    if "[[:" in rule or "[[." in rule or "[[=" in rule:
        return None
    try:
        return _matches_pattern(rule, argv)
    except re.error:
        return None


def _matches_pattern(rule: str, argv: tuple[str, ...]) -> bool:
    """Return whether a rule matches a command, as sudoers(5) defines it.

    Arguments are compared as one text, with wildcards or a regular expression; `""` stands for no arguments.
    """
    if rule == _EVERYTHING:
        return True
    path, *rest = re.split(r"(?<!\\)\s+", rule, maxsplit=1)
    program, arguments = argv[0], " ".join(argv[1:])
    if path.endswith("/"):
        return program.startswith(path) and "/" not in program.removeprefix(path)
    if not _pattern(path, anything="[^/]").fullmatch(program):
        return False
    if not rest:
        return True
    if rest[0] == '""':
        return arguments == ""
    if rest[0].startswith("^") and rest[0].endswith("$"):
        return re.search(rest[0], arguments) is not None
    return _pattern(rest[0], anything=".").fullmatch(arguments) is not None


def _pattern(glob: str, *, anything: str) -> re.Pattern[str]:
    """Return a regular expression for fnmatch(3), with backslash escapes that Python's fnmatch lacks."""
    parts: list[str] = []
    for escaped, bracket, char in re.findall(r"\\(.)|(\[[^\]]+\])|(.)", glob, re.DOTALL):
        if escaped:
            parts.append(re.escape(escaped))
        elif bracket:
            parts.append(bracket.replace("[!", "[^", 1))
        elif char in "*?":
            parts.append(f"{anything}*" if char == "*" else anything)
        else:
            parts.append(re.escape(char))
    return re.compile("".join(parts), re.DOTALL)
