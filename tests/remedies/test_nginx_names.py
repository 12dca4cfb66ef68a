"""Truth table: a name in several server blocks is reported if it matters."""

from itertools import product

import pytest

from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.config import NameConflict
from remediate.probes.http import HttpAnswer, HttpFailure, Site
from remediate.probes.nginx import NginxConfig
from remediate.remedies.nginx_names import SeparateServerNames
from support import examples as ex
from support import toys
from support.hosts import host_with

HOST = host_with({"site_url": "https://shop.example.com/"})
STEP = SeparateServerNames.on(HOST)
HERE, THERE = Site.of(HOST)
Known = dict[Probe[Fact], Fact | Unreadable]


def twice(name: str = "shop.example.com", address: str = "0.0.0.0:443") -> Fact:
    return ex.SOUND.model_copy(update={"conflicts": (NameConflict(name=name, address=address),)})


def facts(here: HttpAnswer | None = None, config: Fact | Unreadable | None = None) -> Known:
    return {HERE: here or ex.page(404), THERE: ex.page(), NginxConfig(): config or twice()}


PAGES = {
    "right": ex.page(),
    "another": ex.page(right=False),
    "redirect": ex.page(301, redirect="https://old.example.com/"),
    "missing": ex.page(404),
    "failing": ex.page(502),
    "refused": ex.no_page(),
    "silent": ex.no_page(HttpFailure.TIMEOUT),
}
TOLD = {"another", "redirect", "missing", "failing"}
CONFIGS = {
    "one block": ex.SOUND,
    "two blocks": twice(),
    "upper case": twice("Shop.Example.com"),
    "wildcard": twice("*.example.com", "[::]:443"),
    "another port": twice(address="0.0.0.0:80"),
    "another site": twice("example.com"),
    "broken": ex.BROKEN_CONFIG,
}


@pytest.mark.parametrize(("page", "config"), list(product(PAGES, CONFIGS)))
def test_it_is_told_while_a_page_answers_wrongly(page: str, config: str) -> None:
    told = page in TOLD and config in {"two blocks", "upper case", "wildcard"}
    assert toys.decide(STEP, facts(PAGES[page], CONFIGS[config])) == ("server-name-conflict" if told else "skip")


def test_what_it_says() -> None:
    assert STEP.needed(Facts(facts(ex.page(right=False)))) == (
        "https://shop.example.com/ 200, but not the right page: nginx ignores all server blocks of shop.example.com "
        "but the first on 0.0.0.0:443, which may be another site's"
    )
    assert toys.decide(STEP, facts(config=Unreadable("no rule"))) == "unreadable"
    assert toys.decide(STEP, facts(ex.page(), Unreadable("no rule"))) == "skip"


EXAMPLES = {
    "nginx.server-name": (
        STEP,
        facts(),
        facts(ex.page()),
        tuple(facts(page, config) for page in PAGES.values() for config in CONFIGS.values()),
    )
}
"""For the contract of every remedy: on what it asks for a person, when it does not, and what its guard must bear."""
