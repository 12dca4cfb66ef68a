"""Every duty of the runbook's chapter 8, in its order."""

from typing import Final

from remediate.maintenance.item import Duty
from remediate.maintenance.items.backup import BackupVerify
from remediate.maintenance.items.capacity import Capacity
from remediate.maintenance.items.error_logs import ErrorLogs
from remediate.maintenance.items.error_tracking import ErrorTracking
from remediate.maintenance.items.monitored import (
    CertificateAlerts,
    DatabaseMonitoring,
    DiskAlerts,
    QueueMonitoring,
    Uptime,
)
from remediate.maintenance.items.queue_health import QueueHealth
from remediate.maintenance.items.runbook_review import RunbookReview
from remediate.maintenance.items.security_patches import SecurityPatches
from remediate.maintenance.schedule import Occasion

DUTIES: Final[tuple[Duty, ...]] = (
    # 8.1
    Uptime(),
    ErrorTracking(),
    DatabaseMonitoring(),
    QueueMonitoring(),
    DiskAlerts(),
    CertificateAlerts(),
    # 8.2
    ErrorLogs(),
    QueueHealth(),
    BackupVerify(),
    SecurityPatches(),
    Capacity(),
    RunbookReview(),
)


def of_occasion(occasion: Occasion) -> tuple[Duty, ...]:
    """Return the duties of an occasion."""
    return tuple(duty for duty in DUTIES if duty.occasion is occasion)
