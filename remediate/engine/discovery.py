"""Discovers settings that the inventory leaves open. It does not choose between several candidates."""

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.discover_php import DiscoverPhp
from remediate.transport.session import Session

_SECONDS = 20.0


def discovered(host: Host, session: Session) -> Host:
    """Return the host with its discovered settings. It takes one exec if any are open.

    Raises Unreachable, and ConfigurationError if there are several candidates or the answer is unreadable.
    """
    if host.settings.php is not None:
        return host
    url = host.settings.site_url
    probe = DiscoverPhp(domain=None if url is None or url.host is None else url.host.strip("[]"))
    rounds = session.begin((probe,), seconds=_SECONDS)
    try:
        found = Facts.read((probe,), rounds.next())[probe].candidates
    except Unreadable as why:
        raise ConfigurationError(f"{host.name}: remediate.php is not set and cannot be discovered: {why}") from why
    finally:
        rounds.close()
    match found:
        case ():
            return host
        case (php,):
            return host.model_copy(update={"settings": host.settings.model_copy(update={"php": php})})
        case _:
            raise ConfigurationError(
                f"{host.name}: several PHPs may be the site's ({', '.join(found)}): set remediate.php to one of them"
            )
