"""Command-line flags, and the names reserved for them."""

from typing import Final, NamedTuple


class Flag(NamedTuple):
    """A flag of a command; `others` are further names for it."""

    name: str
    help: str
    kind: type = str
    others: tuple[str, ...] = ()
    positional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return (self.name, *self.others)


OPTIONS: Final = {
    "plan": "only read: real guards, exact steps, nothing changed",
    "yes": "consent to changing production hosts",
    "hold": "stability window in seconds",
    "timeout": "seconds that one host may take altogether",
    "wait": "seconds to wait for the lock of a host",
    "max_hosts": "how many hosts this run may change",
    "serial": "hosts to change at a time: N, P% or a list like 1,5,20%; the first batch has to be fixed (default: 1)",
    "max_fail": "hosts that may fail before the rest are left alone: N or P% (default: 0)",
    "forks": "hosts to ask at the same time (default: 20)",
    "approved": "run exactly the approved plan with this hash, without asking",
    "reason": "why, for the record",
    "incident": "incident that this run belongs to",
}
"""The help text of each of the Options. It stands here so that --help does not load a model."""


def option(name: str, *others: str, kind: type = str) -> Flag:
    """Return the flag of one of the Options."""
    return Flag(name.replace("_", "-"), OPTIONS[name], kind, others)


HOST = Flag("host", "hosts: NAME, GROUP or PATTERN of the inventory, separated by commas")
INVENTORY = Flag("inventory", "inventory to read (default: every one in inventories/)")
JUNIT = Flag("junit", "write JUnit XML to this file")
VERBOSE = Flag("verbose", "also show every command with its result, and every answer", bool, ("v",))
JSON = Flag("json", "print the report as one JSON document on stdout", bool)
NAME = Flag("name", "name of the staging host (default: staging)")
RUN = (
    HOST,
    INVENTORY,
    option("plan", "check", "dry-run", kind=bool),
    option("yes", kind=bool),
    JSON,
    JUNIT,
    VERBOSE,
    option("approved"),
    option("reason"),
    option("incident"),
    Flag("override", "refusal to override, as CODE=why; may be repeated", list),
    option("hold"),
    option("timeout"),
    option("wait"),
    option("max_hosts"),
    option("serial"),
    option("max_fail"),
    option("forks"),
)
"""The flags of every command that runs something on hosts."""
RUN_NAMES = frozenset(name for flag in RUN for name in flag.names)
