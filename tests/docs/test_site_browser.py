"""The site in a real browser: on a phone and on a desk, from files and over HTTP."""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.browser import CHROMIUM, Browser, browser
from support.http_thread import Quiet, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no browser here: sh tests/get-programs.sh")


class QuietFiles(Quiet, SimpleHTTPRequestHandler):
    """The files of a folder."""


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietFiles, directory=str(site)))) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def window() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, browser(Path(profile)) as opened:
        yield opened


def until(window: Browser, expression: str) -> None:
    end = time.monotonic() + 30
    while not window.value(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.05)


def scrolls(window: Browser) -> bool:
    return bool(window.value("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize("from_files", [True, False], ids=["files", "http"])
def test_no_page_is_wider_than_its_window_has_an_error_or_asks_for_anything_elsewhere(
    site: Path, served: str, window: Browser, from_files: bool
) -> None:
    pages, wide, wrong, asked = sorted(site.rglob("*.html")), [], [], set[str]()
    for path in pages:
        name = path.relative_to(site).as_posix()
        window.show(path if from_files else f"{served}/{name}", width=360)
        for width in (360, 1280):
            window.resize(width)
            wide += [f"{name} at {width}"] if scrolls(window) else []
        asked.update(window.asked)
        # A browser lets no file ask for another one, which the search would need.
        wrong += [f"{name}: {each}" for each in window.errors if not from_files]
    assert len(pages) > 30
    assert (wide, wrong) == ([], [])
    own = ("file:" if from_files else served, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


@pytest.mark.parametrize("width", [360, 1280])
def test_a_reader_finds_a_page_by_navigation_and_by_search(served: str, window: Browser, width: int) -> None:
    window.show(f"{served}/index.html", width=width)
    assert not scrolls(window)
    menu = "document.querySelectorAll('.md-sidebar--primary a')"
    link = f"[...{menu}].find(each => each.textContent.trim() == 'Commands')"
    if width < 1000:
        assert window.value(f"{link}.getBoundingClientRect().left < 0"), "the menu is closed at first"
        window.value("document.querySelector('label[for=__drawer].md-header__button').click()")
        until(window, f"{link}.getBoundingClientRect().left >= 0")
    window.load(lambda: window.value(f"{link}.click()"))
    assert window.value("document.querySelector('h1').firstChild.textContent") == "Commands"
    asked = window.asked
    search = "[...document.querySelectorAll('*')].find(each => each.shadowRoot).shadowRoot"
    window.value("document.querySelector('.md-search__button').click()")
    until(window, f"{search}.activeElement && {search}.activeElement.tagName == 'INPUT'")
    window.ask("Input.insertText", text="kill switch")
    until(window, f"[...{search}.querySelectorAll('a')].some(each => each.href.includes('/docs/limits.html'))")
    assert all(url.startswith((served, "data:", "blob:")) for url in (*asked, *window.asked))
