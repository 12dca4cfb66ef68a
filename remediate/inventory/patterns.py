"""The hosts that `--host` means: names, groups, globs and ranges, united, intersected and taken away."""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from remediate.errors import ConfigurationError, nearest
from remediate.inventory.ansible_ranges import expand_range
from remediate.inventory.ansible_values import SourceLocation, shown

_IMPLICIT = ("all", "ungrouped")
_LISTED = 8
_MAX_NAMES = 20_000
_LONGEST = 250
_NUMBERED = re.compile(r"(?P<before>.+)\[(?:(?P<only>-?[0-9]+)|(?P<first>[0-9]+)[:-](?P<last>[0-9]*))\]")
"""The form by which Ansible takes some of the hosts that a name or glob matches by their position."""


class HostPatterns:
    """Reads patterns over the names of an inventory. `unread` are the reasons why files of it are not known."""

    def __init__(self, hosts: Sequence[str], groups: Mapping[str, frozenset[str]], unread: Sequence[str]) -> None:
        self._hosts = dict.fromkeys(hosts)
        self._groups = groups
        self._unread = unread

    def names(self, pattern: str) -> frozenset[str]:
        """Return the hosts of `TERM[,…]`, where `&TERM` keeps only its hosts and `!TERM` takes its hosts away.

        As in Ansible, all plain terms come first, then `&`, then `!`, in whatever order they are written. Raises
        ConfigurationError, one line, for an unknown name and for a pattern that leaves no host.
        """
        terms = [term.strip() for term in pattern.split(",")]
        if terms == [""]:
            raise ConfigurationError(f"no host is named; {self.what_exists()}")
        if "" in terms:
            raise ConfigurationError(f"'{shown(pattern)}' has an empty name between its commas")
        wanted = [term for term in terms if term[0] not in "!&"]
        if not wanted:
            raise ConfigurationError(f"'{shown(pattern)}' only takes hosts away; to begin with every host, write all")
        chosen = frozenset[str]().union(*map(self._chosen, wanted))
        for term in terms:
            if term.startswith("&"):
                chosen &= self._matching(term.removeprefix("&").strip())
        for term in terms:
            if term.startswith("!"):
                chosen -= self._matching(term.removeprefix("!").strip())
        if not chosen:
            raise ConfigurationError(f"'{shown(pattern)}' leaves no host")
        return chosen

    def what_exists(self) -> str:
        """Return the names of hosts and groups, for a message."""
        groups = [name for name in self._groups if name not in _IMPLICIT]
        parts = [f"hosts: {some(self._hosts)}", *([f"groups: {some(groups)}"] if groups else [])]
        return f"{', '.join(parts)}{self._unread_too()}"

    def _chosen(self, term: str) -> frozenset[str]:
        """Return the hosts of a term that selects some. Raises ConfigurationError if there are none."""
        names = self._matching(term)
        if not names:
            raise ConfigurationError(f"the group '{shown(term)}' has no hosts{self._unread_too()}")
        return names

    def _matching(self, term: str) -> frozenset[str]:
        if len(term) > _LONGEST:
            raise ConfigurationError(f"'{shown(term, 40)}' is too long: a term has at most {_LONGEST} characters")
        if not term or term[0] in "&~!@":
            accepted = "NAME, GROUP, a glob such as web*, a range such as web[01:20], &TERM or !TERM"
            raise ConfigurationError(f"'{shown(term)}' is not supported: use {accepted}")
        if re.search(r"\[[^\]]*:", term):
            return self._ranged(term)
        if any(mark in term for mark in "*?["):
            return self._matching_glob(term)
        return self._named(term)

    def _named(self, term: str) -> frozenset[str]:
        is_host, members = term in self._hosts, self._groups.get(term)
        if is_host and members is not None and members != {term}:
            raise ConfigurationError(f"'{shown(term)}' is a host and a group of other hosts: rename one of them")
        if is_host:
            return frozenset({term})
        if members is not None:
            return members
        if ":" in term and all(part.lstrip("!&") in {*self._hosts, *self._groups} for part in term.split(":")):
            raise ConfigurationError(f"'{shown(term)}': separate the names by commas, not by colons")
        own = (name for name in self._groups if name != "ungrouped")  # Nobody means that by another word.
        meant = nearest(term, map(shown, [*own, *self._hosts]), most=3)
        raise ConfigurationError(f"no host or group is called '{shown(term)}'; {meant}{self.what_exists()}")

    def _matching_glob(self, term: str) -> frozenset[str]:
        groups = [name for name in self._groups if name not in _IMPLICIT and fnmatchcase(name, term)]
        hosts = frozenset(name for name in self._hosts if fnmatchcase(name, term))
        found = hosts.union(*(self._groups[group] for group in groups))
        self._refuse_position(term, found)
        if not groups and not hosts:
            raise ConfigurationError(f"'{shown(term)}' matches no host and no group; {self.what_exists()}")
        return found

    def _ranged(self, term: str) -> frozenset[str]:
        """Return the hosts of a range as in an inventory. Every one of them has to exist."""
        try:
            names = list(islice(expand_range(term, SourceLocation(Path("--host"), 1)), _MAX_NAMES + 1))
        except ConfigurationError as error:
            self._refuse_position(term, frozenset())
            raise ConfigurationError(f"'{shown(term)}': {str(error).partition(': ')[2]}") from None
        if len(names) > _MAX_NAMES:
            raise ConfigurationError(f"'{shown(term)}' stands for more than {_MAX_NAMES} hosts")
        self._refuse_position(term, frozenset(names))
        missing = [name for name in names if name not in self._hosts]
        if missing:
            raise ConfigurationError(
                f"'{shown(term)}' names hosts that do not exist ({some(missing)}); {self.what_exists()}"
            )
        return frozenset(names)

    def _refuse_position(self, term: str, named: frozenset[str]) -> None:
        """Refuse what Ansible reads as positions, such as `web[0]` or `web[1:3]` of a group, or `web*[0]`.

        The host at a position changes with the inventory, and is seldom the one of that number. A number with a leading
        zero is no position.
        """
        found = _NUMBERED.fullmatch(term)
        if found is None or any(re.match("0[0-9]", number or "") for number in found.groups()[1:]):
            return
        before = found["before"]
        groups = (self._groups[name] for name in self._groups if name == before or fnmatchcase(name, before))
        hosts = (name for name in self._hosts if name == before or fnmatchcase(name, before))
        size = len(frozenset(hosts).union(*groups))
        first = int(found["only"] or found["first"])
        if -size <= first < size:
            meant = f" ({some(name for name in self._hosts if name in named)})" if named & self._hosts.keys() else ""
            raise ConfigurationError(
                f"'{shown(term)}' means hosts by their names here{meant}, and by their position in"
                f" '{shown(before)}' for Ansible: write their names, separated by commas"
            )

    def _unread_too(self) -> str:
        return "".join(f"; {line}" for line in self._unread)


def some(names: Iterable[str]) -> str:
    """Return the first names of many, for a message."""
    listed = list(names)
    rest = len(listed) - _LISTED
    return shown(", ".join(listed[:_LISTED]) or "none", 600) + (f" and {rest} more" if rest > 0 else "")
