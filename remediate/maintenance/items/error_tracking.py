"""Error tracking active (8.1): the client is loaded, has its key, and the service answers.

No test report is sent, so it is not proven that exceptions arrive.
"""

from collections.abc import Iterator

from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.monitoring import ErrorTrackingSettings as Settings
from remediate.core.playbook import Probes
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError
from remediate.maintenance.item import Finding, Item, Seen
from remediate.maintenance.items.outside import endpoint_page, judge_endpoint
from remediate.maintenance.partial_finding import Part, linked, readable, together
from remediate.maintenance.schedule import Occasion
from remediate.probes.error_tracking import AppErrorTracking
from remediate.probes.http import HttpFailure
from remediate.probes.page import Page

_PLACE = "remediate.monitoring.error_tracking"


class ErrorTracking(Item):
    """Error tracking: the client is loaded, its key is set, and the service answers the host."""

    name = "error-tracking"
    title = "Error tracking active (Flare)"
    occasion = Occasion.CHECKLIST
    owner = "DevOps"

    @override
    def probes(self, host: Host) -> Probes:
        settings = host.settings.monitoring.error_tracking
        if settings is None:
            return ()
        ingest = () if settings.url is None else (_ingest(str(settings.url)),)
        page = () if settings.endpoint is None else (endpoint_page(settings.endpoint),)
        return (_application(host, settings), *ingest, *page)

    @override
    def judge(self, seen: Seen) -> Finding:
        settings = seen.host.settings.monitoring.error_tracking
        if settings is None:
            advice = (f"write {_PLACE}, empty ({{}}) for Flare's own names (docs/inventory.md)",)
            return linked(Finding(ok=False, summary=_NOTHING, advice=advice), seen.host.settings.links.error_tracking)
        application = _application(seen.host, settings)
        parts = [
            *readable(lambda: _judge_application(settings, application, seen.facts)),
            *readable(lambda: _judge_service(settings, seen.facts)),
        ]
        finding = together(parts, "the client is loaded, has its key, and its service answers")
        return linked(finding, seen.host.settings.links.error_tracking)


_NOTHING = f"nothing is configured in the inventory: {_PLACE}"


def _application(host: Host, settings: Settings) -> AppErrorTracking:
    path, php = host.settings.app_path, host.settings.php
    if path is None or php is None:
        missing = "app_path" if path is None else "php"
        raise ConfigurationError(f"the application cannot be asked: remediate.{missing} is not known")
    return AppErrorTracking(
        php=php, path=path, user=host.settings.app_user, provider=settings.provider, key=settings.key
    )


def _ingest(url: str) -> Page:
    return Page(url=url, asked_from=Vantage.HOST)


def _judge_application(settings: Settings, application: AppErrorTracking, facts: Facts) -> Iterator[Part]:
    state = facts[application]
    if state.provider == "loaded":
        yield Part(True, f"the application has loaded {settings.provider}")
    else:
        advice = (f"install the client and have {settings.provider} loaded, or correct {_PLACE}.provider",)
        yield Part(False, f"{settings.provider} is {_PROVIDERS[state.provider]}", advice=advice)
    used = "the cached configuration" if state.cached else "the configuration"
    if state.key:
        yield Part(True, f"{settings.key} is set in {used}, which is what is in use")
    else:
        advice = (f"set {settings.key} (its line in .env), and rebuild the configuration cache",)
        yield Part(False, f"{settings.key} is not set in {used}, which is what is in use", advice=advice)


_PROVIDERS = {
    "deferred": "loaded only when somebody asks for it: nothing is reported before",
    "installed": "installed, and not loaded by the application",
    "missing": "not installed",
}


def _judge_service(settings: Settings, facts: Facts) -> Iterator[Part]:
    if settings.url is None and settings.endpoint is None:
        advice = (f"write where reports go to: {_PLACE}.url, or {_PLACE}.endpoint",)
        yield Part(None, "whether the service answers is not known: its address is not configured", advice=advice)
    if settings.url is not None:
        page = _ingest(str(settings.url))
        answer = facts[page]
        if answer.failure is None and answer.status is not None and answer.status < 500:
            # A receiver of reports rejects a GET without a report. Any answer below 500 proves that it answers.
            unproven = ("not proven: no test report was sent, so the key may be wrong",)
            yield Part(True, f"{page.url} answers {answer.describe()} to the host", evidence=unproven)
        else:
            ok = None if answer.failure is HttpFailure.BROKEN_ANSWER else False
            advice = (f"find out why the host does not get through to {page.url}: its name, its firewall, the service",)
            yield Part(ok, f"{page.url} does not answer the host: {answer.describe()}", advice=advice)
    if settings.endpoint is not None:
        yield judge_endpoint(settings.endpoint, facts)
