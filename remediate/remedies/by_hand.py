"""Manual commands for stopping a process that no remedy may stop."""

from typing import Final, Literal

from remediate.probes.systemd import full_name

_NO_OWN_UNIT: Final = ("cron", "crond", "atd", "ssh", "sshd")
"""Units that start jobs or logins for others. They do not start an ended process again, and restarting them would not
end it."""


def in_a_unit(unit: str | None) -> bool:
    """Return whether a process belongs to a service that would start it again."""
    if unit is None or unit in {full_name(each) for each in _NO_OWN_UNIT}:
        return False
    return not unit.startswith("user@") or "/" in unit  # a service of a user manager counts too


def stopping(pid: int, *, parent: int, user: str, unit: str | None, verb: Literal["stop", "restart"] = "stop") -> str:
    """Return the command that stops or restarts one process and nothing else."""
    if not in_a_unit(unit):
        return f"sudo kill -TERM {pid}"
    manager, slash, service = (unit or "").partition("/")
    if slash:
        return f"as {user}: systemctl --user {verb} {service}"
    if manager in {full_name("supervisor"), full_name("supervisord")}:
        whose = f"the PROGRAM with pid {pid} or {parent} in `sudo supervisorctl status`"
        return f"sudo supervisorctl {verb} PROGRAM, {whose}"
    return f"sudo systemctl {verb} {manager}"
