"""Approving in a real browser, on a phone: its origin, its cookie and its policy are the real ones."""

import tempfile
from pathlib import Path

import pytest

from remediate.approvals.proposal import ProposalState
from remediate.service.server import HERE
from support.approval_door import Served
from support.approving import planned
from support.browser import CHROMIUM, Browser, browser
from support.listened import listened

LONG = "sudo -n /usr/bin/systemctl restart " + "a-very-long-name-of-a-unit" * 8


def fits(window: Browser) -> None:
    """The page is no wider than the phone, and nothing was refused by its policy."""
    assert window.value("document.documentElement.scrollWidth") <= 360
    assert window.value("getComputedStyle(document.querySelector('button')).fontWeight") in {"600", "400"}
    told = [each["params"]["entry"]["text"] for each in window.events if each["method"] == "Log.entryAdded"]
    assert [text for text in told if "401" not in text] == []


def press(window: Browser, form: str) -> None:
    # A page's own scripts would not run: the debugger presses the button.
    window.load(lambda: window.value(f"document.querySelector('form[action^=\"{form}\"] button').click()"))


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_a_person_with_a_phone_approves_a_plan(tmp_path: Path) -> None:
    served = Served(tmp_path)
    (host,) = planned().hosts
    long = host.steps[0].model_copy(update={"commands": (LONG,), "why": "down " * 60})
    made = served.propose(planned()._replace(hosts=(host._replace(steps=(long,) * 3),)))
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        listened(served.app) as port,
        # It ends first: asyncio leaks a connection that comes while its server closes.
        browser(Path(profile)) as window,
    ):
        page = f"http://{HERE}:{port}/approvals/{made.hash}"
        window.show(page, width=360)
        fits(window)
        window.value("document.querySelector('[name=name]').value = 'bob'")
        window.value(f"document.querySelector('[name=token]').value = '{served.tokens['bob']}'")
        press(window, "/login")
        assert window.value("location.href") == page
        assert window.value("document.cookie") == ""  # It is there, and no script sees it.
        fits(window)
        press(window, "/approvals/")
        fits(window)
        assert f"You have approved plan {made.shown}." in window.value("document.body.innerText")
    approvals = served.approvals()
    assert approvals.find(made.hash).state(approvals.now()) is ProposalState.APPROVED
