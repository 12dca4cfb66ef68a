"""Post-mortems of incidents in which these events happened."""

from remediate.incident.events import (
    Data,
)
from remediate.incident.lessons import actions, went_well, went_wrong
from remediate.incident.postmortem import sections
from remediate.incident.record import Incident
from remediate.incident.settings import IncidentSettings
from support.toy_incidents import arrived, declared, folded, minutes

SETTINGS = IncidentSettings.model_validate({"timezone": "Europe/Berlin", "contacts": {"devops": {"primary": "dora"}}})


NOW = minutes(500)


def document(incident: Incident) -> str:
    return "\n\n".join(
        f"{each.heading}\n{each.text}" for each in sections(incident, arrived(incident), SETTINGS, NOW, "ana")
    )


def well(*happened: tuple[float, Data], **given: object) -> str:
    incident = folded(*happened, first=declared(**given))
    return "\n".join(went_well(incident, arrived(incident), SETTINGS, NOW))


def wrong(*happened: tuple[float, Data], **given: object) -> str:
    incident = folded(*happened, first=declared(**given))
    return "\n".join(went_wrong(incident, arrived(incident), SETTINGS, NOW))


def suggested(*happened: tuple[float, Data], **given: object) -> dict[str, str]:
    incident = folded(*happened, first=declared(**given))
    return {each.what: each.owner for each in actions(incident, arrived(incident), SETTINGS, NOW)}
