"""Discovers settings that the inventory leaves open. It does not choose between several candidates."""

from dataclasses import replace
from typing import Final

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.playbook import HostPlan, Runnable
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.discover_php import DiscoverPhp
from remediate.transport.session import Session

_SECONDS: Final = 20.0
_ANY_PHP: Final = "php0.0"
"""A placeholder: neither which probes a plan has nor its refusal codes depend on the version of PHP.

It has the usual form, because a playbook may take the version apart.
"""


def with_any_php(host: Host) -> Host:
    """Return the host with a placeholder where its PHP is left open."""
    return host if host.settings.php is not None else _with_php(host, _ANY_PHP)


def leaves_open(runnable: Runnable, host: Host) -> bool:
    """Return whether the plan depends on a setting that only the host can tell.

    A playbook that uses no PHP must not fail because of a host's PHPs, nor cost a look at them.
    """
    if host.settings.php is not None or not runnable.discovers:
        return False
    try:
        return _comparable(runnable(host)) != _comparable(runnable(with_any_php(host)))
    except ConfigurationError:  # something is missing, perhaps PHP: said once the host has been asked
        return True


def _comparable(plan: HostPlan) -> HostPlan:
    """Return a plan without its function that grades it, which is a new one each time."""
    return replace(plan, graded=None)


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
            return _with_php(host, php)
        case _:
            raise ConfigurationError(
                f"{host.name}: several PHPs may be the site's ({', '.join(found)}): set remediate.php to one of them"
            )


def _with_php(host: Host, php: str) -> Host:
    return host.model_copy(update={"settings": host.settings.model_copy(update={"php": php})})
