"""A host of an inventory that nobody reaches."""

from collections.abc import Mapping

from remediate.core.host import Host, Settings, SshTarget


def host_with(stated: Mapping[str, object]) -> Host:
    """Return a host with these settings, as an inventory states them."""
    return Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=Settings.model_validate(stated))
