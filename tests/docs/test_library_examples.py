"""The example programs of the library, on scripted hosts. `make types` checks their types."""

import importlib.util
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import generate_latest

import remediate
from remediate.core.host import Host, SshTarget
from remediate.errors import UnreachableCode
from remediate.playbooks.app_down import app_down
from support.doc_pages import ROOT
from support.incidents import broken, host
from support.scripted import Changes, FactSession, Opened

EXAMPLES: Final = ROOT / "docs/examples/library"
INVENTORY: Final = "all: {hosts: {web1: {ansible_host: 192.0.2.1}, web2: {ansible_host: 192.0.2.2}}}\n"


class Hosts:
    """The hosts that the examples reach, by name. A host without a state cannot be reached."""

    def __init__(self) -> None:
        self.state: dict[str, Changes] = {}
        self.asked: list[str] = []

    def __call__(self, target: SshTarget, *_: object) -> Opened:
        name = target.address
        self.asked.append(name)
        gone = UnreachableCode.REFUSED if name not in self.state else None
        return Opened(FactSession(self.state.get(name, {}), unreachable=gone))


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hosts:
    def select(target: str, *_: object, **__: object) -> tuple[Host, ...]:
        described = host(site_vantage=["host"])
        return tuple(
            described.model_copy(update={"name": name, "ssh": SshTarget(address=name)})
            for name in (("web1", "web2") if target == "all" else (target,))
        )

    (tmp_path / "inventories").mkdir()
    (tmp_path / "inventories/prod.yml").write_text(INVENTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path / "state"))
    there = Hosts()
    # In this order: the second would otherwise be imported with the first one's replacement, and keep it.
    for module in ("engine.warm_session", "engine.fleet"):
        monkeypatch.setattr(f"remediate.{module}.select", select)
    monkeypatch.setattr("remediate.transport.dialing.Dialling", there)
    return there


def example(name: str) -> Any:
    """Import an example anew: what it reads when imported is this test's."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- the chat command --------------------------------------------------------------------------------------------------


def test_the_chat_command_says_what_a_fix_would_do_and_how_to_start_it(hosts: Hosts) -> None:
    hosts.state["web1"] = broken("php-fpm down")
    first, *_, last = example("chat_command").answer("check app-down web1").splitlines()
    assert first == "web1: pending (app-down)"
    assert last == "Nothing was changed. To fix it: remediate fix.app-down --host web1"


def test_the_chat_command_says_that_all_is_well_or_why_it_cannot_know(hosts: Hosts) -> None:
    hosts.state["web1"] = broken()
    answer = example("chat_command").answer
    assert answer("check app-down web1") == "web1: healthy (app-down)"
    assert answer("check app-down web2") == "web2: unreachable (app-down)\nscripted: connection-refused"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fix app-down web1",
        "check app-down",
        "check app-down all",
        "check app-down web*",
        "check app-down web1,web2",
        "check rm web1",
        "check app-down web1; reboot",
        "check app-down --host=web1",
    ],
)
def test_the_chat_command_takes_two_known_names_and_nothing_else(hosts: Hosts, text: str) -> None:
    assert example("chat_command").answer(text).startswith(("usage: check ", "There is no such host"))
    assert hosts.asked == []


# -- the health test ---------------------------------------------------------------------------------------------------


def test_the_health_test_is_there_for_every_host_and_passes_for_a_healthy_one(hosts: Hosts) -> None:
    hosts.state["web1"] = broken()
    test = example("test_health").test_the_application_is_healthy
    (mark,) = test.pytestmark
    assert mark.args == ("host", ("web1", "web2"))
    test("web1")


@pytest.mark.parametrize(
    ("name", "words"), [("web1", "pending; php8.2-fpm: failed"), ("web2", "unreachable; connection-refused")]
)
def test_the_health_test_fails_for_anything_else_and_says_why(hosts: Hosts, name: str, words: str) -> None:
    hosts.state["web1"] = broken("php-fpm down")
    with pytest.raises(AssertionError) as failed:
        example("test_health").test_the_application_is_healthy(name)
    for part in words.split("; "):
        assert part in str(failed.value)


# -- the metrics exporter ----------------------------------------------------------------------------------------------


def test_the_exporter_tells_every_verdict_apart(hosts: Hosts) -> None:
    hosts.state["web1"] = broken("php-fpm down")
    metrics = example("metrics_exporter").Metrics()
    with remediate.session("all") as session:
        metrics.take(session.check(app_down))
    text = generate_latest(metrics.registry).decode()
    assert 'remediate_host_verdict{host="web1",verdict="pending"} 1.0' in text
    assert 'remediate_host_verdict{host="web1",verdict="healthy"} 0.0' in text
    assert 'remediate_host_verdict{host="web2",verdict="unreachable"} 1.0' in text
    assert 'remediate_probe_ok{host="web1",probe="php8.2-fpm (host)"} 0.0' in text
    assert 'host="web2",probe=' not in text, "nobody asked there"
    (looked,) = (line for line in text.splitlines() if line.startswith("remediate_look_timestamp_seconds "))
    assert abs(float(looked.split()[1]) - datetime.now().astimezone().timestamp()) < 3600


def test_the_exporter_looks_again_and_serves_on_this_machine_only(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts.state.update(web1=broken(), web2=broken())
    module = example("metrics_exporter")
    served: list[dict[str, object]] = []
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "start_http_server", lambda port, **given: served.append({"port": port, **given}))
    monkeypatch.setattr(module.time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        module.serve("all")
    assert looks == [60.0, 60.0]
    assert [(each["port"], each["addr"]) for each in served] == [(9877, "127.0.0.1")]
