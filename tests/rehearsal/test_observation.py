"""Observations of a host, and the differences between two."""

from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from remediate.core.host import Host
from remediate.errors import ConfigurationError
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.observation import Observation, Observer, bystanders, differences, said
from support.http_thread import Quiet, serving
from support.incidents import host
from support.shells import FILES, PORTS, PROCESSES, PROGRAMS, UNITS, FakeShell, look

HERE = host(site_vantage=["host"])


def seen(**parts: str) -> Observation:
    return Observer(FakeShell(looks=look(**parts)), HERE).observe()


BEFORE = seen()


def test_it_sees_units_files_ports_programs_and_processes() -> None:
    assert set(BEFORE) == {
        "ssh",
        "nginx",
        "php8.2-fpm",
        "/etc/nginx/nginx.conf",
        "/etc/supervisor/conf.d/agency-worker.conf",
        "/home/forge/agency-platform/.env",
        "listening on 0.0.0.0:22",
        "listening on 0.0.0.0:80",
        "listening on 127.0.0.1:3306",
        "program agency-reports",
        "program agency-worker:agency-worker_00",
        "program agency-worker:agency-worker_01",
        "processes `/usr/bin/php8.2 /home/forge/agency-platform/artisan queue:work`",
    }
    assert differences(BEFORE, seen(), ()) == []


def test_what_a_login_or_a_timer_starts_is_not_seen() -> None:
    assert not {"user@1000", "phpsessionclean"} & set(BEFORE)


MOVED: Mapping[str, tuple[dict[str, str], str]] = {
    "a unit was restarted": ({"units": UNITS.replace("4444", "9999")}, "nginx was started again"),
    "a unit is gone": ({"units": UNITS.replace("nginx.service", "user@0.service")}, "nginx is gone"),
    "a unit is new": ({"units": f"{UNITS}\nId=x.service\nInvocationID=7\nActiveState=active\n"}, "x is new (active)"),
    "a unit hangs": (
        {"units": UNITS.replace("4444\nActiveState=active", "4444\nActiveState=reloading")},
        "nginx was active, is reloading",
    ),
    "a file was edited": (
        {"files": FILES.replace("c6125754", "a" * 64)},
        "/etc/nginx/nginx.conf was c6125754, is aaaaaaaa…",
    ),
    "a file is gone": ({"files": FILES.replace("12345678", "").replace("  /home", "")}, ".env is gone"),
    "a file is new": ({"files": f"{FILES}77  /etc/cron.d/x\n"}, "/etc/cron.d/x is new (77)"),
    "a port is open": ({"ports": f"{PORTS}0.0.0.0:9 \n"}, "listening on 0.0.0.0:9 is new (open)"),
    "a port is shut": ({"ports": PORTS.replace("127.0.0.1:3306", "0.0.0.0:22")}, "127.0.0.1:3306 is gone"),
    "a worker was restarted": ({"programs": PROGRAMS.replace("161", "999")}, "agency-worker_01 was started again"),
    "a parked program was started": (
        {"programs": PROGRAMS.replace("STOPPED   Not started", "RUNNING   7")},
        "program agency-reports was STOPPED, is RUNNING",
    ),
    "a worker is doubled": ({"processes": PROCESSES.replace("2 ", "3 ", 1)}, "was 2, is 3"),
}


@pytest.mark.parametrize("case", MOVED)
def test_whatever_moved_is_named(case: str) -> None:
    parts, words = MOVED[case]
    found = differences(BEFORE, seen(**parts), ())
    assert any(words in each for each in found), found


def test_a_program_that_does_not_run_has_no_incarnation() -> None:
    later = seen(programs=PROGRAMS.replace("STOPPED   Not started", "STOPPED   Nov 23 09:11 AM"))
    assert differences(BEFORE, later, ()) == []


DISTURBED: Mapping[str, tuple[dict[str, str], str, list[str]]] = {
    "it may be a new incarnation": ({"units": UNITS.replace("4444", "9999")}, "nginx", []),
    "it has to run as before": (
        {"units": UNITS.replace("nginx.service", "user@0.service")},
        "nginx",
        ["nginx is gone"],
    ),
    "its file may be any": ({"files": FILES.replace("c6125754", "aa")}, "/etc/nginx/nginx.conf", []),
    "what is kept beside its file": (
        {"files": f"{FILES}77  /etc/nginx/nginx.conf.remediate-fault\n"},
        "/etc/nginx/nginx.conf",
        [],
    ),
    "everything in its directory": (
        {"files": f"{FILES.replace('c6125754', 'aa')}77  /etc/nginx/conf.d/x\n"},
        "/etc/nginx/",
        [],
    ),
    "a directory without a slash is a file": (
        {"files": f"{FILES}77  /etc/nginx/x\n"},
        "/etc/nginx",
        ["/etc/nginx/x is new (77)"],
    ),
    "another file of a longer name": (
        {"files": f"{FILES}77  /etc/nginx/nginx.config\n"},
        "/etc/nginx/nginx.conf",
        ["/etc/nginx/nginx.config is new (77)"],
    ),
    "its workers may be new": ({"programs": PROGRAMS.replace("161", "999")}, "agency-worker", []),
    "and so may supervisor's": ({"programs": PROGRAMS.replace("161", "999")}, "supervisor", []),
    "their number has to be the same": (
        {"processes": PROCESSES.replace("2 ", "1 ", 1)},
        "agency-worker",
        ["processes `/usr/bin/php8.2 /home/forge/agency-platform/artisan queue:work` was 2, is 1"],
    ),
}


@pytest.mark.parametrize("case", DISTURBED)
def test_what_was_disturbed_is_looked_at_with_less_severity(case: str) -> None:
    parts, name, expected = DISTURBED[case]
    assert differences(BEFORE, seen(**parts), (name,)) == expected


def test_bystanders_are_what_does_not_belong_to_the_fault() -> None:
    others = bystanders(BEFORE, ("nginx", "agency-worker", "/etc/nginx/nginx.conf"))
    assert set(BEFORE) - set(others) == {
        "nginx",
        "listening on 0.0.0.0:80",
        "/etc/nginx/nginx.conf",
        "program agency-worker:agency-worker_00",
        "program agency-worker:agency-worker_01",
        "processes `/usr/bin/php8.2 /home/forge/agency-platform/artisan queue:work`",
    }


@pytest.mark.parametrize("name", ["mariadb", "mariadbd", "port 3306"])
def test_a_port_belongs_to_the_unit_of_its_program(name: str) -> None:
    assert set(BEFORE) - set(bystanders(BEFORE, (name,))) == {"listening on 127.0.0.1:3306"}


def test_a_host_without_supervisor_can_be_looked_at() -> None:
    assert "ssh" in seen(programs="", processes="")


def test_what_a_program_complains_of_is_no_traceback() -> None:
    assert "program unix:///var/run/supervisor.sock" in seen(
        programs="unix:///var/run/supervisor.sock no such file\nx\n"
    )


def test_a_look_that_is_cut_short_is_no_look() -> None:
    with pytest.raises(StagingError, match="web1 cannot be looked at"):
        Observer(FakeShell(looks="nonsense"), HERE).observe()


def test_without_testinfra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.rehearsal.observation.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'remediate\[rehearsal\]'"):
        Observer(FakeShell(), HERE)


def test_units_that_do_not_run_are_named_by_testinfra() -> None:
    assert Observer(FakeShell(), HERE).running(["nginx", "ssh"]) == []
    assert Observer(FakeShell(running=False), HERE).running(["nginx"]) == ["nginx"]


# -- the site ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "trouble"),
    [
        ("Welcome\n200", None),
        ("Welcome\n502", "status 502"),
        ("Somebody else\n200", "the page does not hold 'Welcome'"),
        ("", "no answer"),
        ("\n000", "no answer"),
    ],
)
def test_the_site_as_the_host_sees_it(page: str, trouble: str | None) -> None:
    found = Observer(FakeShell(page=page), HERE).site()
    assert (f"/ on the host: {trouble}" in found) is (trouble is not None)
    assert bool(found) is (trouble is not None)


def test_a_host_without_a_site_has_nothing_wrong_with_it() -> None:
    assert Observer(FakeShell(page=""), host(site_url=None)).site() == []


class Page(Quiet, BaseHTTPRequestHandler):
    answer = (200, b"Welcome")

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with serving(HTTPServer(("127.0.0.1", 0), Page)) as server:
        yield server


def outside(port: int) -> Host:
    return host(site_url="http://example.com/", site_vantage=["controller"], site_resolve=f"127.0.0.1:{port}")


def test_the_site_as_the_public_sees_it(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    observer = Observer(FakeShell(), outside(server.server_port))
    assert observer.site() == []
    monkeypatch.setattr(Page, "answer", (503, b"Welcome"))
    assert observer.site() == ["/ from outside: status 503", "/health from outside: status 503"]
    monkeypatch.setattr(Page, "answer", (200, b"nothing"))
    assert observer.site() == ["/ from outside: the page does not hold 'Welcome'"]


def test_a_site_that_nobody_serves_is_no_traceback() -> None:
    first, second = Observer(FakeShell(), outside(1)).site()
    assert first.startswith("/ from outside: ")
    assert "refused" in second.lower()


def test_many_findings_are_told_in_one_line() -> None:
    assert said(["a", "b"]) == "a; b"
    assert said(["a", "b", "c", "d", "e"]) == "a; b; c and 2 more"
