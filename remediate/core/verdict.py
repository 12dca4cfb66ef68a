"""Verdicts of guards, and the stable codes of refusals."""

from collections.abc import Mapping
from enum import Enum

from pydantic import Field

from remediate.core.field_types import FrozenModel


class Decision(Enum):
    """The decision about one remedy."""

    SKIP = "skip"
    PROCEED = "proceed"
    WAIT = "wait"
    REFUSE = "refuse"
    NOT_ATTEMPTED = "not_attempted"


class RefusalCode(FrozenModel):
    """A stable name for a reason to refuse. Users' scripts depend on the name.

    Define a code next to the remedy that uses it, and list it in the remedy's `refusals`.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{2,40}$", description="stable name, as --override takes it")
    meaning: str = Field(description="one sentence for the person who reads it at 3 a.m.")
    advice: str = Field(default="", description="what a person does next, in one line that begins with a verb")
    overridable: bool = Field(default=False, description="whether --override NAME=why may turn it into proceed")


class Verdict(FrozenModel):
    """A guard's decision, built with `skip`, `proceed`, `wait` or `refuse`."""

    decision: Decision
    reason: str
    code: RefusalCode | None = None
    onward: tuple[str, ...] = Field(
        default=(), description="commands that go on from a refusal, without program and host: `do.php-fpm.reload`"
    )


def skip(reason: str) -> Verdict:
    """Return the verdict that nothing has to be done, and why."""
    return Verdict(decision=Decision.SKIP, reason=reason)


def proceed(reason: str) -> Verdict:
    """Return the verdict that the remedy is needed and safe, and why."""
    return Verdict(decision=Decision.PROCEED, reason=reason)


def wait(reason: str, code: RefusalCode | None = None) -> Verdict:
    """Return the verdict that the host is in transition: look again, do not act.

    If it still is when patience runs out, the engine refuses with `code`, without one as in-transition.
    """
    return Verdict(decision=Decision.WAIT, reason=reason, code=code)


def refuse(code: RefusalCode, reason: str, *onward: str) -> Verdict:
    """Return the verdict that the remedy is needed but unsafe: a person decides.

    `onward` are the commands with which the person may go on, without program and host.
    """
    return Verdict(decision=Decision.REFUSE, reason=reason, code=code, onward=onward)


CONFIG_BROKEN = RefusalCode(
    name="config-broken",
    meaning="The program's own check rejects its configuration.",
    advice="fix the configuration, then run this again",
)
CONFIG_UNCHECKED = RefusalCode(
    name="config-unchecked",
    meaning="The configuration check could not run, for a reason outside the configuration.",
    advice="find out why the check could not run, then run this again",
)
UNIT_MASKED = RefusalCode(
    name="unit-masked",
    meaning="Somebody masked the unit on purpose.",
    advice="unmask it if it should run, then run this again",
)
UNIT_MISSING = RefusalCode(
    name="unit-missing", meaning="The host has no such unit.", advice="check the unit's name in the inventory"
)
START_LIMIT_HIT = RefusalCode(
    name="start-limit-hit",
    meaning="systemd gave up after too many starts; find the cause before starting it again.",
    advice="fix the cause that its log names, then add --override start-limit-hit='what was fixed'",
    overridable=True,
)
UNREADABLE = RefusalCode(
    name="unreadable",
    meaning="Something that must be known before acting could not be read.",
    advice="fix what keeps it from being read, then run this again",
)
IN_TRANSITION = RefusalCode(name="in-transition", meaning="It was still changing state when the waiting time was over.")
UNSTABLE = RefusalCode(
    name="unstable",
    meaning="A service keeps restarting by itself, and no remedy of this playbook would change that.",
    advice="read its log for the reason why it ends again and again",
)
UNEXPLAINED = RefusalCode(
    name="unexplained", meaning="The symptom is present, but no cause that this playbook knows matches."
)
SUDO_RULE_MISSING = RefusalCode(
    name="sudo-rule-missing", meaning="sudo does not allow a needed command without asking for a password."
)
LOCKED = RefusalCode(
    name="locked", meaning="Another run is changing this host right now.", advice="wait for it with --wait SECONDS"
)
LOCKED_BY_OTHERS = LOCKED.model_copy(
    update={"meaning": "A program that is no run of ours holds the lock of this host.", "overridable": True}
)
"""A second `locked`, for a lock whose holder is not ours. It can be overridden."""
LOCK_MISSING = RefusalCode(
    name="lock-missing",
    meaning="The host has no flock or no /etc/machine-id, so a second run could not be locked out.",
    advice="install flock (util-linux) and systemd's /etc/machine-id on the host, then run this again",
)
MOVED = RefusalCode(
    name="moved",
    meaning="Something else keeps changing the state that the decision rests on.",
    advice="find out who else is working on this host",
)
CONSENT_MISSING = RefusalCode(
    name="consent-missing", meaning="Nobody agreed to change this host.", advice="run this again with --yes"
)
TOO_MANY_HOSTS = RefusalCode(
    name="too-many-hosts",
    meaning="More hosts need a change than one run may change.",
    advice="run this again with --max-hosts, or name fewer hosts",
)
EARLIER_HOST_FAILED = RefusalCode(
    name="earlier-host-failed",
    meaning="An earlier host was not fixed, so this one was left alone.",
    advice="fix the earlier host first, then run this again",
)
JOURNAL_UNWRITABLE = RefusalCode(
    name="journal-unwritable",
    meaning="The intent could not be stored durably, so the step was not taken.",
    advice="make the journal writable, or set REMEDIATE_STATE_DIR, then run this again",
)
OUT_OF_TIME = RefusalCode(
    name="out-of-time",
    meaning="The time given to the whole run is over.",
    advice="run this again, with a longer --timeout",
)

PAUSED = RefusalCode(
    name="paused",
    meaning="Somebody paused all changes, or the file of the kill switch cannot be read.",
    advice="read why; once that is over",
)
COOL_DOWN = RefusalCode(
    name="cool-down",
    meaning="The same changed this host minutes ago, and it is needed again.",
    advice="find out why it did not last; to go on all the same",
    overridable=True,
)
RECURRING = RefusalCode(
    name="recurring",
    meaning="It would be the third fix within an hour, and the last two held for minutes only.",
    advice="find the cause behind what is fixed again and again; to go on all the same",
    overridable=True,
)
COMMON_CAUSE = RefusalCode(
    name="common-cause",
    meaning="So many hosts of a group are not healthy that they may share a cause, which no fix of one host removes.",
    advice="look for what these hosts share; to go on all the same",
    overridable=True,
)
HISTORY_UNKNOWN = RefusalCode(
    name="history-unknown",
    meaning="The journal does not tell when this host was last fixed, so the limits cannot be kept.",
    advice="make the journal readable; to go on all the same",
    overridable=True,
)
LIMITS = (COOL_DOWN, RECURRING, COMMON_CAUSE, HISTORY_UNKNOWN)
"""The refusals of a run that was suppressed by a limit. A person may go on."""

APPROVAL_MISSING = RefusalCode(
    name="approval-missing",
    meaning="The project lets only an approved plan change this host, and none was given.",
    advice="have a plan approved, then run it with --approved HASH",
)
NOT_APPROVED = RefusalCode(
    name="not-approved",
    meaning="The plan is not approved, or its approval was used, has expired or was withdrawn.",
    advice="make a new plan and have it approved",
)
PLAN_MOVED = RefusalCode(
    name="plan-moved",
    meaning="What would run now is not what was approved.",
    advice="make a new plan and have it approved",
)
APPROVALS = (APPROVAL_MISSING, NOT_APPROVED, PLAN_MOVED)
"""The refusals of a run that lacks an approval of exactly its plan."""

UNFINISHED = RefusalCode(
    name="unfinished",
    meaning="Something was changed, and something else is needed now: run it again.",
    advice="run this again",
)

ENGINE_CODES = (
    UNREADABLE,
    IN_TRANSITION,
    UNSTABLE,
    UNEXPLAINED,
    UNFINISHED,
    SUDO_RULE_MISSING,
    LOCKED,
    LOCKED_BY_OTHERS,
    LOCK_MISSING,
    MOVED,
    CONSENT_MISSING,
    TOO_MANY_HOSTS,
    EARLIER_HOST_FAILED,
    JOURNAL_UNWRITABLE,
    OUT_OF_TIME,
    PAUSED,
    *LIMITS,
    *APPROVALS,
)
"""The codes with which the engine itself refuses, for any remedy."""

HANDOVERS = frozenset({"app-down", "database-down", "cache-down", "high-load", "certificate-expiry"})
"""Codes that are the name of the playbook for their cause, whichever playbook found it."""

HANDED_OVER: Mapping[str, str] = {
    "database-cause": "database-down",
    "nginx-down": "app-down",
    **{name: name for name in HANDOVERS},
}
"""The refusals whose cause another playbook fixes, and its name."""
