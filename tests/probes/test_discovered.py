"""Answers of the probes of `init` on a real file system, as a login with and without permission."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from remediate.core.command import Output
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.configured_pools import ConfiguredPool, ConfiguredPools
from remediate.probes.discover_apps import DiscoverApps
from remediate.probes.distribution import Distribution
from remediate.probes.lineages import Lineages
from remediate.probes.nginx_sites import NginxSites
from remediate.probes.supervisor_programs import SupervisorPrograms
from support.this_machine import command_of

T = TypeVar("T", bound=Fact)
PLACES = ("/data/", "/etc/", "/var/www", "/srv", "/home/", "/opt", "/usr/bin/php", "/usr/lib/os-release")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
as_anybody = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything, and cannot be another user"
)


class Tree:
    """A file system of its own, which a probe's program reads in the place of the machine's."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str = "", mode: int = 0o644) -> Path:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        for folder in file.relative_to(self.root).parents:
            (self.root / folder).chmod(0o755)
        file.write_text(text.replace("/etc/", f"{self.root}/etc/"))
        file.chmod(mode)
        return file

    def ask(self, probe: Probe[T], *, user: tuple[str, ...] = ()) -> T:
        run = command_of(probe)
        words = list(run.argv)
        for place in PLACES:
            words = [word.replace(place, f"{self.root}{place}") for word in words]
        login = user if os.geteuid() == 0 else ()
        done = subprocess.run((*login, *words), capture_output=True, text=True, timeout=60, check=False)
        answer = done.stdout.replace(str(self.root), "")
        return probe.read(Output(stdout=answer, stderr=done.stderr, exit=done.returncode))


@pytest.fixture
def tree() -> Iterator[Tree]:
    root = Path(tempfile.mkdtemp(prefix="discovered-"))  # pytest's own directory is closed to other users
    root.chmod(0o755)
    yield Tree(root)
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(root)


# -- applications ------------------------------------------------------------------------------------------------------

ENV = """
APP_KEY=base64:c4n4ry
APP_URL="https://shop.example.com" # the public address
DB_CONNECTION=mysql
DB_HOST='10.0.0.5'
DB_PASSWORD=c4n4ry
DB_PORT=${SOME_PORT}
"""


def test_applications_are_found_once_whatever_leads_to_them(tree: Tree) -> None:
    for place in ("/home/forge/shop", "/srv/blog/releases/7", "/opt/tool"):
        tree.write(f"{place}/artisan")
    (tree.root / "srv/blog/current").symlink_to(tree.root / "srv/blog/releases/7")
    tree.write("/data/far/artisan")
    (tree.root / "home/forge/again").symlink_to(tree.root / "home/forge/shop")

    found = tree.ask(DiscoverApps(also=("/data/far", "/home/forge/shop")))

    assert [each.path for each in found.apps] == ["/data/far", "/home/forge/shop", "/srv/blog/current", "/opt/tool"]
    assert found.apps[2].paths == ("/srv/blog/current", "/srv/blog/releases/7")
    assert found.closed == ()


def test_only_harmless_keys_of_env_leave_the_host(tree: Tree) -> None:
    tree.write("/home/forge/shop/artisan")
    tree.write("/home/forge/shop/.env", ENV)
    tree.write("/home/forge/shop/storage/logs/laravel.log")
    tree.write("/home/forge/shop/routes/web.php", "Route::get('/health', X::class); Route::get('status', Y::class);")
    tree.write("/home/forge/shop/bootstrap/app.php", "->withRouting(\n  health: '/up',\n)")

    (app,) = tree.ask(DiscoverApps()).apps

    assert app.says("APP_URL") == "https://shop.example.com"
    assert (app.says("DB_HOST"), app.says("DB_PORT"), app.says("REDIS_HOST")) == ("10.0.0.5", "", "")
    assert "c4n4ry" not in app.model_dump_json()
    assert app.routes == ("/up", "/health", "/status")
    assert app.logs == ("/home/forge/shop/storage/logs/laravel.log",)


@as_anybody
def test_what_is_closed_is_said(tree: Tree) -> None:
    tree.write("/home/forge/shop/artisan")
    tree.write("/home/forge/shop/.env", ENV, mode=0o600)
    tree.write("/home/ana/secret/artisan")
    (tree.root / "home/ana").chmod(0o700)
    tree.write("/var/www/private/artisan")
    (tree.root / "var/www/private").chmod(0o750)
    tree.write("/home/forge/site/current/artisan")
    (tree.root / "home/forge/site").chmod(0o711)  # may be entered, not listed
    tree.write("/etc/php/8.3/fpm/pool.d/www.conf", "[www]\n", mode=0o600)
    tree.write("/etc/supervisor/conf.d/shop.conf", "[program:shop]\n", mode=0o600)
    tree.write("/etc/letsencrypt/renewal/a.conf")
    (tree.root / "etc/letsencrypt/renewal").chmod(0o700)
    tree.write("/etc/nginx/nginx.conf", "http { include sites/*; }\n")
    tree.write("/etc/nginx/sites/closed", "server { server_name a.example.com; }\n", mode=0o600)

    apps = tree.ask(DiscoverApps(), user=NOBODY)
    (app,) = apps.apps
    assert (app.path, app.env, app.env_closed) == ("/home/forge/shop", None, True)
    assert set(apps.closed) == {"/home/ana", "/var/www/private", "/home/forge/site"}
    pools, programs = tree.ask(ConfiguredPools(), user=NOBODY), tree.ask(SupervisorPrograms(), user=NOBODY)
    assert (pools.pools, pools.closed) == ((), ("/etc/php/8.3/fpm/pool.d/www.conf",))
    assert (programs.programs, programs.closed) == ((), ("/etc/supervisor/conf.d/shop.conf",))
    sites = tree.ask(NginxSites(), user=NOBODY)
    assert (sites.servers, sites.closed) == ((), ("/etc/nginx/sites/closed",))
    with pytest.raises(Unreadable, match="/etc/letsencrypt is closed to this user"):
        tree.ask(Lineages(), user=NOBODY)


# -- services ----------------------------------------------------------------------------------------------------------


def test_an_empty_host_has_nothing(tree: Tree) -> None:
    assert tree.ask(DiscoverApps()).apps == ()
    assert tree.ask(Lineages()).names == ()
    assert tree.ask(SupervisorPrograms()).programs == ()
    assert tree.ask(ConfiguredPools()).pools == ()
    assert not tree.ask(NginxSites()).present
    with pytest.raises(Unreadable, match="os-release"):
        tree.ask(Distribution())


def test_the_distribution_and_the_lineages_have_names(tree: Tree) -> None:
    tree.write("/etc/os-release", "PRETTY_NAME='Debian GNU/Linux 13 (trixie)'\nNAME=x\nID=debian\n")
    assert tree.ask(Distribution()).name == "Debian GNU/Linux 13 (trixie)"
    tree.write("/etc/letsencrypt/renewal/b.example.com.conf")
    tree.write("/etc/letsencrypt/renewal/README")
    assert tree.ask(Lineages()).names == ("b.example.com",)


WORKERS = """
[supervisord]
logfile=/tmp/x
[program:shop-worker]
process_name=%(program_name)s_%(process_num)02d
command = php /home/forge/shop/artisan queue:work redis --token=c4n4ry ; why
environment=KEY="c4n4ry"
directory=/home/forge/shop   ; here
user = forge
[program:shop-horizon]
command="/usr/bin/php8.3" "/home/forge/shop/artisan" horizon
autostart=False
[program:other]
command=/usr/bin/node server.js --artisan queue:work
[group:shop]
programs=shop-worker, other
"""


def test_workers_are_known_by_what_they_run(tree: Tree) -> None:
    tree.write("/etc/supervisor/conf.d/shop.conf", WORKERS)
    tree.write(
        "/etc/supervisord.d/blog.ini", "[program:blog]\ndirectory=/srv/blog/\ncommand=php artisan queue:listen\n"
    )

    found = tree.ask(SupervisorPrograms())
    worker, horizon, other, blog = found.programs

    assert "c4n4ry" not in found.model_dump_json()
    assert (worker.target, worker.user, worker.directory, worker.verb) == (
        *("shop", "forge", "/home/forge/shop", "queue:work"),
    )
    assert worker.is_worker_of(("/home/forge/shop",))
    assert not worker.is_worker_of(("/srv/blog",))
    assert (horizon.target, horizon.verb, horizon.autostart) == ("shop-horizon", "horizon", False)
    assert horizon.is_worker_of(("/home/forge/shop",))
    assert (other.target, other.verb) == ("shop", "")
    assert blog.is_worker_of(("/srv/blog",))


def test_pools_have_addresses_and_users(tree: Tree) -> None:
    tree.write(
        "/etc/php/8.3/fpm/pool.d/www.conf",
        "; [old]\n[www]\nuser = www-data\nlisten = /var/run/php/$pool.sock\nlisten.owner = x\n[tcp]\nlisten=9001\n",
    )
    tree.write("/usr/bin/php8.3")
    tree.write("/usr/bin/php")
    found = tree.ask(ConfiguredPools())
    assert found.pools == (
        ConfiguredPool(php="php8.3", pool="www", listen="/run/php/www.sock", user="www-data"),
        ConfiguredPool(php="php8.3", pool="tcp", listen="9001"),
    )
    assert found.installed == ("php8.3",)


SITES = """
upstream php { server unix:/run/php/php8.3-fpm.sock; }
server { listen 80; listen [::]:80; server_name shop.example.com; return 301 https://$host$request_uri; }
server {
    listen 443 ssl http2; listen [::]:443 ssl; listen unix:/run/x.sock;
    server_name shop.example.com *.shop.example.com;
    root /home/forge/shop/public;
    ssl_certificate /letsencrypt/shop.pem;
    access_log off;
    location ~ \\.php$ { fastcgi_pass php; access_log /var/log/nginx/php.log combined; }
}
server { server_name _; root /var/www/html; }
"""


def test_every_server_has_its_names_ports_and_targets(tree: Tree) -> None:
    tree.write("/etc/nginx/nginx.conf", "http { access_log /var/log/nginx/all.log; include sites/*; }\n")
    tree.write("/etc/nginx/sites/shop", SITES)
    plain, secure, default = tree.ask(NginxSites()).servers
    assert (plain.ports, plain.tls_ports, plain.roots) == ((80,), (), ())
    assert (secure.ports, secure.tls_ports) == ((), (443,))
    assert secure.names == ("shop.example.com", "*.shop.example.com")
    assert (secure.roots, secure.fastcgi) == (("/home/forge/shop/public",), ("unix:/run/php/php8.3-fpm.sock",))
    assert (secure.certificates, secure.access_logs) == (("/letsencrypt/shop.pem",), ("/var/log/nginx/php.log",))
    assert (default.ports, default.access_logs) == ((80,), ("/var/log/nginx/all.log",))


def test_a_configuration_that_cannot_be_understood_is_not_guessed(tree: Tree) -> None:
    tree.write("/etc/nginx/nginx.conf", "http { server {\n")
    with pytest.raises(Unreadable, match="cannot be understood"):
        tree.ask(NginxSites())
