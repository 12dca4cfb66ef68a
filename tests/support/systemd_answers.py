"""Answers of systemd about a running unit."""

from remediate.probes.systemd import Unit

# systemd 252, Debian 12
FPM = """MainPID=1041
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
StateChangeTimestamp=Mon 2026-11-23 08:31:11 UTC
ActiveEnterTimestampMonotonic=2340648910
Job=
InvocationID=01ed8f9b2a0a4c6db04ef50431f9c3f7
"""
UNIT = Unit(name="php8.2-fpm")
