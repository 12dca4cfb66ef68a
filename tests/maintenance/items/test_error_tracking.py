"""Judgement of error tracking: loaded, with a key, answering; no report is sent."""

import pytest

from remediate.core.probe import Fact
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError, Unreadable
from remediate.maintenance.items.error_tracking import ErrorTracking
from remediate.probes.error_tracking import AppErrorTracking, TrackingState
from remediate.probes.http import HttpFailure
from remediate.probes.page import Page
from support import examples as ex
from support import watching_examples as exw
from support.checklist import judged, watched
from support.incidents import host

INGEST = "https://reporting.example.com/api/reports"
FLARE = r"Spatie\LaravelFlare\FlareServiceProvider"
MACHINE = watched(error_tracking={"url": INGEST})
PATH = "/home/forge/agency-platform"
APPLICATION = AppErrorTracking(php="php8.2", path=PATH, user="forge", provider=FLARE, key="flare.key")
REPORTS = Page(url=INGEST, asked_from=Vantage.HOST)
ITEM = ErrorTracking()


def state(provider: str = "loaded", *, key: bool = True, cached: bool = True) -> TrackingState:
    return TrackingState.model_validate({"provider": provider, "key": key, "cached": cached})


def test_set_up_and_answering() -> None:
    finding = judged(ITEM, MACHINE, {APPLICATION: exw.TRACKING, REPORTS: ex.page(405)})
    assert (finding.ok, finding.summary) == (True, "the client is loaded, has its key, and its service answers")
    assert "flare.key is set in the cached configuration, which is what is in use" in finding.evidence
    assert f"{INGEST} answers 405 to the host" in finding.evidence
    assert finding.evidence[-1] == "not proven: no test report was sent, so the key may be wrong"


@pytest.mark.parametrize(
    ("application", "reports", "ok", "says"),
    [
        (state(key=False), ex.page(405), False, "flare.key is not set in the cached configuration"),
        (state(key=False, cached=False), ex.page(), False, "flare.key is not set in the configuration"),
        (state("missing"), ex.page(), False, f"{FLARE} is not installed"),
        (state("installed"), ex.page(), False, "installed, and not loaded"),
        (state("deferred"), ex.page(), False, "loaded only when somebody asks"),
        (state(), ex.page(502), False, "does not answer the host: 502"),
        *((state(), ex.no_page(why), False, why.value) for why in HttpFailure if why is not HttpFailure.BROKEN_ANSWER),
        (state(), ex.no_page(HttpFailure.BROKEN_ANSWER), None, "broken answer"),
        (Unreadable("PHP ended with 255"), ex.page(), None, "PHP ended with 255"),
        (state(key=False), Unreadable("curl is missing"), False, "flare.key is not set"),
        (state(), Unreadable("curl is missing"), None, "curl is missing"),
    ],
)
def test_what_keeps_reports_from_arriving(
    application: Fact | Unreadable, reports: Fact | Unreadable, ok: bool | None, says: str
) -> None:
    finding = judged(ITEM, MACHINE, {APPLICATION: application, REPORTS: reports})
    assert (finding.ok, says in finding.summary) == (ok, True), finding.summary
    assert finding.advice[-1] == "see https://errors.example.com/"


def test_nothing_configured_is_a_no() -> None:
    finding = judged(ITEM, watched(), {})
    assert finding.ok is False
    assert finding.summary == "nothing is configured in the inventory: remediate.monitoring.error_tracking"
    assert ITEM.probes(watched()) == ()


def test_a_service_that_was_not_asked_is_not_known_to_answer() -> None:
    finding = judged(ITEM, watched(error_tracking={}), {APPLICATION: exw.TRACKING})
    assert finding.ok is None
    assert "whether the service answers is not known" in finding.summary


def test_a_page_of_the_service_will_do() -> None:
    page = Page(url="https://errors.example.com/api/17", asked_from=Vantage.CONTROLLER, contains="active")
    machine = watched(error_tracking={"endpoint": {"url": page.url, "contains": "active"}})
    assert judged(ITEM, machine, {APPLICATION: exw.TRACKING, page: ex.page()}).ok is True
    assert judged(ITEM, machine, {APPLICATION: exw.TRACKING, page: ex.page(right=False)}).ok is False


@pytest.mark.parametrize("missing", ["php", "app_path"])
def test_an_application_that_is_not_known_cannot_be_asked(missing: str) -> None:
    machine = host(monitoring={"error_tracking": {}}, **{missing: None})
    with pytest.raises(ConfigurationError, match=f"remediate.{missing} is not known"):
        ITEM.probes(machine)


def test_it_is_asked_as_the_user_of_the_application() -> None:
    (run,) = ITEM.privileges(MACHINE)
    assert run.user == "forge"
    assert run.argv[-2:] == (FLARE, "flare.key")
