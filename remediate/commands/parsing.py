"""Parsers for the flags of `incident.*`; a ConfigurationError names the flag."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError, flag_line
from remediate.incident.settings import IncidentSettings

Model = TypeVar("Model", bound=BaseModel)


def made(model: type[Model], names: dict[str, str] | None = None, **given: object) -> Model:
    """Return a validated model of typed values. Raises ConfigurationError naming the flag.

    `names` maps fields to their flags if these have other names.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise ConfigurationError(flag_line(error, names)) from None


def severity_of(text: str) -> Severity:
    """Return a severity from text: SEV-1, sev1 or 1. Raises ConfigurationError."""
    found = re.fullmatch(r"(?i:sev-?)?([1-4])", text.strip())
    if found is None:
        raise ConfigurationError("--severity takes SEV-1, SEV-2, SEV-3 or SEV-4")
    return Severity(f"SEV-{found[1]}")


def moment_of(text: str, flag: str, settings: IncidentSettings, now: datetime, *, ahead: bool = False) -> datetime:
    """Return a moment from text, in the past unless it is `ahead`.

    It takes `14:02` (local, the last one), `12m` or `2h` ago, or a date with a time. With `ahead` it takes `10:00` (the
    next one) or a date with a time, and never a past moment. Raises ConfigurationError naming the flag.
    """
    text = text.strip()
    if ahead:
        return _ahead(text, flag, settings, now)
    if found := re.fullmatch(r"(\d{1,4})\s*(m|min|h)( ago)?", text):
        return now - timedelta(**{"hours" if found[2] == "h" else "minutes": int(found[1])})
    local = settings.local(now)
    if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", text):
        text = f"{local:%Y-%m-%d}T{text.zfill(5) if len(text) < 6 else text.zfill(8)}"
        moment = _iso(text, flag, settings)
        return moment if moment <= now else moment - timedelta(days=1)
    return _iso(text, flag, settings)


def _ahead(text: str, flag: str, settings: IncidentSettings, now: datetime) -> datetime:
    if re.fullmatch(r"\d{1,2}:\d\d", text):
        today = settings.local(now).date()
        days = (today + timedelta(days=number) for number in range(3))
        moments = (_iso(f"{day}T{text.zfill(5)}", flag, settings, _AHEAD) for day in days)
        return next(moment for moment in moments if moment > now)
    moment = _iso(text, flag, settings, _AHEAD)
    if moment <= now:
        raise ConfigurationError(f"--{flag}: {moment:%Y-%m-%d %H:%MZ} is past")
    return moment


_BEFORE: Final = "14:02, 12m, 2h, or a date with a time as 2026-11-23T14:02+01:00"
_AHEAD: Final = "10:00, or a date with a time as 2026-11-23T14:02+01:00"


def _iso(text: str, flag: str, settings: IncidentSettings, accepted: str = _BEFORE) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        # The offset at that moment, not today's: daylight saving time may have changed in between.
        zone = None if settings.timezone is None else ZoneInfo(settings.timezone)
        return (moment if zone is None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ConfigurationError(f"--{flag} takes {accepted}") from None
