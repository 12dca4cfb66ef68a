"""A site's way through nginx, read by the probes' shell from real files."""

import os
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from remediate.core.command import ROOT, Output
from remediate.errors import Unreadable
from remediate.probes.folders import Folders
from remediate.probes.nginx import NginxLog
from remediate.probes.nginx_site import NginxSite, SiteServed
from remediate.transport.script import STDOUT_LIMIT

SITE = NginxSite(domain="example.com")
MAIN = "user www-data;\nhttp {\n    include mime.types;\n    include sites-enabled/*;\n}\n"
SERVER = """server {
    listen 443 ssl;
    server_name example.com;
    access_log off;
    error_log  /var/log/nginx/example.com-error.log error;
    location ~ \\.php$ { fastcgi_pass %s; include fastcgi_params; }
}
"""
OTHER = "server { listen 80; server_name other.example; fastcgi_pass unix:/run/php/gone.sock; }\n"


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a short name that others may look into: the path of a socket has 107 characters."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "run/php").mkdir(parents=True)
        yield Path(folder)


def listen(path: Path, *, mode: int = 0o660, owner: str = "nobody") -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen()
    path.chmod(mode)
    if os.geteuid() == 0:
        subprocess.run(("chown", f"{owner}:nogroup", str(path)), check=True)
    return made


def run(place: Path, argv: tuple[str, ...], *, user: str | None = None) -> Output:
    """Run a probe's words against a tree of its own in the place of /etc, /run and /var/log."""
    places = ("/etc/", "/run/", "/var/log/", "/srv/")
    words = [word.replace("/var/run/", "/run/") for word in argv]
    for each in places:
        words = [word.replace(each, f"{place}{each}") for word in words]
    who = ("setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups") if user else ()
    done = subprocess.run(
        (*who, "env", "LC_ALL=C", *words), check=False, capture_output=True, text=True, timeout=30, cwd="/"
    )
    assert len(done.stdout) <= STDOUT_LIMIT
    told = done.stdout.replace(str(place), "")
    return Output(stdout=told, stderr=done.stderr.replace(str(place), ""), exit=done.returncode)


def look(place: Path, passed: str, *, main: str = MAIN, pool: str = "/run/php/php8.2-fpm.sock") -> SiteServed:
    files = {
        "etc/nginx/nginx.conf": main,
        "etc/nginx/mime.types": "types { text/html html; }\n",
        "etc/nginx/sites-enabled/a": OTHER,
        "etc/nginx/sites-enabled/b": SERVER % passed,
        "etc/php/8.2/fpm/pool.d/www.conf": f"[www]\nlisten = {pool}\n",
    }
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("unix:/", f"unix:{place}/").replace("= /", f"= {place}/"))
    return SITE.read(run(place, SITE.command().argv))


def test_what_nginx_asks_is_there(place: Path) -> None:
    with listen(place / "run/php/php8.2-fpm.sock", mode=0o666):
        served = look(place, "unix:/run/php/php8.2-fpm.sock")
    assert (served.named, served.ok, served.unequal) == (True, True, ())
    assert served.describe() == "/run/php/php8.2-fpm.sock"
    assert served.error_logs == ("/var/log/nginx/example.com-error.log",)


def test_what_nginx_asks_is_another_socket_than_the_pools(place: Path) -> None:
    with listen(place / "run/php/y.sock"):
        served = look(place, "unix:/run/php/x.sock", pool="/run/php/y.sock")
    assert (served.ok, served.unequal) == (
        False,
        ("nginx asks /run/php/x.sock, which does not exist: pool www of php8.2 listens on /run/php/y.sock",),
    )


def test_a_pool_that_nobody_started_is_told_only_where_none_listens(place: Path) -> None:
    (place / "etc/php/7.4/fpm/pool.d").mkdir(parents=True)
    (place / "etc/php/7.4/fpm/pool.d/www.conf").write_text(f"[www]\nlisten = {place}/run/php/old.sock\n")
    old = "pool www of php7.4 is meant to listen on /run/php/old.sock"
    with listen(place / "run/php/y.sock"):
        assert old not in look(place, "unix:/run/php/x.sock", pool="/run/php/y.sock").describe()
    assert old in look(place, "unix:/run/php/x.sock", pool="/run/php/y.sock").describe()


def test_a_pool_that_is_down_is_another_matter(place: Path) -> None:
    """Then the sockets fit, and PHP-FPM is what does not run: told only where nothing else explains the failure."""
    served = look(place, "unix:/run/php/php8.2-fpm.sock")
    said = "pool www of php8.2 is meant to listen on /run/php/php8.2-fpm.sock"
    assert (served.ok, served.unequal) == (
        None,
        (f"nginx asks /run/php/php8.2-fpm.sock, which does not exist: {said}",),
    )


def test_a_socket_of_something_else_is_no_fault(place: Path) -> None:
    with listen(place / "run/fcgiwrap.sock", mode=0o666):
        assert look(place, "unix:/run/fcgiwrap.sock").ok is True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket away")
@pytest.mark.parametrize(
    ("mode", "owner", "shut"),
    [(0o600, "nobody", True), (0o660, "nobody", True), (0o662, "nobody", False), (0o600, "www-data", False)],
)
def test_a_socket_that_nginx_may_not_connect_to(place: Path, mode: int, owner: str, *, shut: bool) -> None:
    with listen(place / "run/php/php8.2-fpm.sock", mode=mode, owner=owner):
        served = look(place, "unix:/run/php/php8.2-fpm.sock")
    assert (served.ok is False, bool(served.unequal)) == (shut, shut)
    if mode == 0o660:
        said = "/run/php/php8.2-fpm.sock, to which www-data may not connect (nobody:nogroup rw-rw----)"
        assert (served.describe(), served.unequal) == (said, (f"nginx asks {said}",))


def test_a_port_that_nobody_listens_on(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert look(place, f"127.0.0.1:{port}", pool="9000").ok is True
    served = look(place, f"127.0.0.1:{port}", pool="9000")
    assert served.unequal == (
        f"nginx asks {port}, which does not exist: pool www of php8.2 is meant to listen on 9000",
    )
    assert look(place, "192.0.2.7:9000").ok is None


@pytest.mark.parametrize("passed", ["$backend", "unix:/run/php/$version.sock"])
def test_a_variable_decides_nothing(place: Path, passed: str) -> None:
    served = look(place, passed)
    assert (served.ok, served.targets, served.unequal) == (None, (), ())


def test_a_site_that_no_server_block_names(place: Path) -> None:
    other = NginxSite(domain="www.example.com")
    look(place, "unix:/run/php/php8.2-fpm.sock")
    served = other.read(run(place, other.command().argv))
    assert (served.named, served.unequal[-1]) == (False, "no server block of nginx has the site's name")


SERVED = "# configuration file /etc/nginx/nginx.conf:\nhttp { server { server_name example.com; } }\n"


@pytest.mark.parametrize(
    ("told", "unequal"),
    [
        ("workers 60 2 0\nwritten 60\n", ""),
        ("workers 60 2 0\nwritten 59\n", ""),
        ("workers 60 2 1\nwritten 600\n", ""),
        ("workers 60 2 0\n", ""),
        ("written 5\n", ""),
        ("workers :60 2 2\nwritten 5 s\nuser \n", ""),
        ("workers 60 2 0\nwritten 5\n", "newer than what nginx has loaded"),
        ("workers 60 2 2\nwritten 600\n", "every worker of nginx is stopped by a signal (state T)"),
    ],
)
def test_what_nginx_has_loaded_and_whether_it_is_stopped(told: str, unequal: str) -> None:
    served = SITE.read(Output(stdout=f"{told}{SERVED}"))
    assert (served.ok, len(served.unequal)) == (None, 1 if unequal else 0)
    assert unequal in "".join(served.unequal)


@pytest.mark.parametrize(
    ("main", "server", "logs"),
    [
        ("", "", ("/var/log/nginx/error.log",)),
        ("error_log /var/log/nginx/all.log;\n", "", ("/var/log/nginx/all.log",)),
        ("error_log syslog:server=unix:/dev/log;\n", "", ()),
        ("", "location /x { error_log /var/log/nginx/x.log; }", ("/var/log/nginx/error.log", "/var/log/nginx/x.log")),
    ],
)
def test_where_its_errors_go(main: str, server: str, logs: tuple[str, ...]) -> None:
    text = (
        f"# configuration file /etc/nginx/nginx.conf:\n{main}http {{ server {{ server_name example.com; {server} }} }}"
    )
    assert SITE.read(Output(stdout=text)).error_logs == logs


def test_a_block_that_only_redirects_hears_of_no_upstream() -> None:
    servers = (
        "server { listen 80; server_name example.com; return 301 https://$host; }",
        "server { listen 443; server_name example.com; error_log /var/log/nginx/x.log; fastcgi_pass 127.0.0.1:9000; }",
    )
    text = f"{HEAD}http {{ {' '.join(servers)} }}"
    assert SITE.read(Output(stdout=text)).error_logs == ("/var/log/nginx/x.log",)


HEAD = "# configuration file /etc/nginx/nginx.conf:\n"


@pytest.mark.parametrize(
    "said",
    [
        "",
        f"{HEAD}http {{",
        f"{HEAD}http {{ include a; }}\n# configuration file /etc/nginx/a:\nunreadable;\n",
    ],
)
def test_a_configuration_that_was_not_read_is_unknown(said: str) -> None:
    with pytest.raises(Unreadable):
        SITE.read(Output(stdout=said))


# -- error logs --------------------------------------------------------------------------------------------------------

ERROR = "2026/11/29 21:00:0%d [error] 7#7: *1 connect() to unix:/run/php/x.sock failed (2: No such file or directory)\n"


def test_every_error_log_is_read_and_nothing_else(place: Path) -> None:
    logs = place / "var/log/nginx"
    (logs / "shop").mkdir(parents=True)
    (logs / "error.log").write_text("")
    (logs / "example.com-error.log").write_text("".join(ERROR % number for number in range(9)) + "odd\n")
    (logs / "shop/my error.log").write_text(ERROR % 1 + "x" * 9000 + "\n")
    (logs / "access.log").write_text('192.0.2.1 - - [29/Nov/2026:21:00:00 +0000] "GET /?token=x HTTP/1.1" 502\n')
    (logs / "error.log.1").write_text(ERROR % 3)
    (place / "etc").mkdir()
    (place / "etc/shadow").write_text(ERROR % 3)
    (logs / "link.log").symlink_to(place / "etc/shadow")
    found = NginxLog().read(run(place, NginxLog().command().argv))
    assert {each.path: len(each.lines) for each in found.files} == {
        "/var/log/nginx/error.log": 0,
        "/var/log/nginx/example.com-error.log": 5,
        "/var/log/nginx/shop/my error.log": 1,
    }
    assert NginxLog().command().user == ROOT


def test_logs_that_cannot_be_read_are_unknown(place: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        NginxLog().read(run(place, NginxLog().command().argv))


# -- folders -----------------------------------------------------------------------------------------------------------

FOLDERS = Folders(path="/srv/app", user="nobody")
WHERE = ("storage/framework/views", "storage/logs", "bootstrap/cache")


@pytest.fixture
def app(place: Path) -> Path:
    """Make the folders of an application that nobody can write, in the sense of the user of that name."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    root = place / "srv/app"
    for folder in WHERE:
        (root / folder).mkdir(parents=True)
    (root / "artisan").touch()
    subprocess.run(("chown", "-R", "nobody:nogroup", str(root)), check=True)
    return root


def folders(place: Path) -> tuple[str, ...]:
    return FOLDERS.read(run(place, FOLDERS.command().argv, user="nobody")).unequal


def test_folders_that_can_be_written(place: Path, app: Path) -> None:
    assert folders(place) == ()


def test_folders_that_cannot_be_written_are_named(place: Path, app: Path) -> None:
    for change in (
        "chown -R root:root storage/logs",
        "rmdir bootstrap/cache",
        "touch storage/framework/views/a.php",
        "touch storage/framework/views/.gitignore",
    ):
        subprocess.run(("sh", "-c", f"cd {shlex.quote(str(app))} && {change}"), check=True)
    (app / "storage/framework/views/a.php").chmod(0o644)
    assert folders(place) == (
        (
            "nobody cannot write storage/framework/views/a.php (root:root 644), storage/logs (root:root 755), "
            "bootstrap/cache (missing)"
        ),
    )


def test_where_there_is_no_application_its_folders_are_unknown(place: Path) -> None:
    with pytest.raises(Unreadable):
        FOLDERS.read(run(place, FOLDERS.command().argv, user="nobody" if os.geteuid() == 0 else None))
