"""The site as it is built: whole, and without anything from elsewhere."""

import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from support.doc_pages import PAGES_OF_IT, ROOT


class Page(HTMLParser):
    """The addresses and anchors of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.linked: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.add(given.get("id") or "")
        followed = tag == "a" or (tag == "link" and given.get("rel") == "canonical")
        for address in (given.get("href"), given.get("src"), given.get("srcset"), given.get("data")):
            if address is not None:
                (self.linked if followed else self.loaded).append(address)


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def nav(entries: object) -> Iterator[str]:
    match entries:
        case str():
            yield entries
        case dict():
            for below in entries.values():
                yield from nav(below)
        case list():
            for each in entries:
                yield from nav(each)


def test_every_page_is_in_the_navigation_once() -> None:
    listed = list(nav(tomllib.loads((ROOT / "docs/site/zensical.toml").read_text())["project"]["nav"]))
    written = [path.relative_to(ROOT).as_posix() for path in PAGES_OF_IT]
    made = "docs/printed-runbook.html"  # by the build of the site
    assert sorted(listed) == sorted([*written, made]), "add it to nav in docs/site/zensical.toml"


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    found = pages(site)
    dead = []
    for path, page in found.items():
        for address in (*page.linked, *page.loaded):
            file, _, anchor = unquote(address).partition("#")
            target = (path.parent / file).resolve() if file else path
            if re.match(r"[a-z]+:", address) or path.name == "404.html":  # that one is shown at any address
                continue
            there = found.get(target)
            if not target.is_file() or (anchor and there is not None and anchor not in there.anchors | {"__skip"}):
                dead.append(f"{path.relative_to(site)}: {address}")
    assert dead == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for path, page in pages(site).items():
        assert [each for each in page.loaded if re.match(r"([a-z]+:)?//", each)] == [], path
    for sheet in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text()) == [], sheet


def test_every_page_has_a_title_of_its_own_and_the_search_knows_it(site: Path) -> None:
    index = (site / "search.json").read_text()
    titles = [re.search(r"<title>(.*?)</title>", path.read_text()) for path in site.rglob("*.html")]
    assert len(titles) > len(PAGES_OF_IT)
    for path in PAGES_OF_IT:
        built = "index.html" if path == ROOT / "README.md" else path.relative_to(ROOT).with_suffix(".html").as_posix()
        built = built.replace("/README.html", "/index.html")
        assert (site / built).is_file()
        assert built.removesuffix("index.html") in index
