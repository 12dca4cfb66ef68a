"""Every probe that ships, with facts of every kind that it may find."""

from remediate.core.probe import Fact, Probe
from support.stated_application import OF_APPLICATION
from support.stated_discovery import OF_DISCOVERY
from support.stated_host import OF_HOST
from support.stated_site import OF_SITE

STATED: dict[Probe[Fact], tuple[Fact, ...]] = {**OF_HOST, **OF_DISCOVERY, **OF_SITE, **OF_APPLICATION}
