"""The PHP of a site, from real nginx configurations, read by the probe's shell script."""

import os
import subprocess
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.discover_php import DiscoverPhp, InstalledPhp
from remediate.transport.script import STDOUT_LIMIT
from support.stubs import stub

MAIN = """user www-data;
include /etc/nginx/modules-enabled/*.conf;
http {
    log_format main '$remote_addr "$request" # '
                    '$status';
    include mime.types;
    include /etc/nginx/conf.d/*.conf;
    include sites-enabled/*; # every site
}
"""
SITE = "server {\n    listen 443 ssl;\n    server_name example.com\n        www.example.com;\n    %s\n}\n"
OTHER = """server {
    listen 443 ssl;
    server_name old.example.org;
    location ~ \\.php$ { include snippets/fastcgi-php.conf; fastcgi_pass unix:/run/php/php7.4-fpm.sock; }
}
"""
POOL = "[www]\nuser = www-data\nlisten = /run/php/php%s-fpm.sock\nlisten.owner = www-data\n"
BOTH = ("php7.4", "php8.2")


def look(
    tmp_path: Path, files: dict[str, str], *, units: tuple[str, ...] = BOTH, domain: str | None = "example.com"
) -> InstalledPhp:
    """Run the program of the probe against a tree of its own in the place of /etc."""
    known = {
        "nginx/nginx.conf": MAIN,
        "nginx/mime.types": "types {\n    text/html html htm;\n}\n",
        "nginx/sites-enabled/a-other": OTHER,
        "php/7.4/fpm/pool.d/www.conf": POOL % "7.4",
        "php/8.2/fpm/pool.d/www.conf": POOL % "8.2",
    }
    for name, text in (known | files).items():
        path = tmp_path / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("/etc/", f"{tmp_path}/etc/"))
    stub(tmp_path / "systemctl", "".join(f"echo '{unit}-fpm.service enabled enabled'\n" for unit in units))
    probe = DiscoverPhp(domain=domain)
    program, *words = (word.replace("/etc/", f"{tmp_path}/etc/") for word in probe.command().argv[2:])
    result = subprocess.run(
        ["sh", "-c", program, *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    answer = result.stdout.replace(f"{tmp_path}/etc/", "/etc/")
    assert len(answer) <= STDOUT_LIMIT
    return probe.read(Output(stdout=answer, stderr=result.stderr, exit=result.returncode))


@pytest.mark.parametrize(
    "passed",
    [
        "location ~ \\.php$ { fastcgi_pass unix:/run/php/php8.2-fpm.sock; }",
        "fastcgi_pass unix:/var/run/php/php8.2-fpm.sock;",
        "location / { include snippets/app.conf; }",
        "include /etc/nginx/forge/example.com/*;",
        "location / { fastcgi_pass app; }",
        "location / { fastcgi_pass 127.0.0.1:9082; }",
        "location / { fastcgi_pass unix:/run/agency.sock; }",
        "location / { fastcgi_pass unix:/run/php/php8.2-fpm-shop.sock; } # fastcgi_pass unix:/run/php/php7.4-fpm.sock;",
    ],
)
def test_only_the_servers_of_this_site_count(tmp_path: Path, passed: str) -> None:
    files = {
        "nginx/sites-enabled/site": SITE % passed,
        "nginx/snippets/app.conf": "try_files $uri =404;\nfastcgi_pass\n    unix:/run/php/php8.2-fpm.sock;\n",
        "nginx/forge/example.com/php.conf": "location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; }\n",
        "nginx/conf.d/app.conf": "upstream app { server unix:/run/php/php8.2-fpm.sock max_fails=3; keepalive 8; }\n",
        "php/8.2/fpm/pool.d/agency.conf": "[tcp]\nlisten = 9082\n[agency]\nlisten = /run/$pool.sock\n",
        "php/8.2/fpm/pool.d/shop.conf": "[shop]\nlisten = /run/php/php8.2-fpm-$pool.sock ; of the shop\n",
    }
    assert look(tmp_path, files).candidates == ("php8.2",)


@pytest.mark.parametrize(
    "passed",
    [
        "location / { fastcgi_pass app; }",
        "location /a { fastcgi_pass unix:/run/php/php8.2-fpm.sock; } fastcgi_pass unix:/run/php/php7.4-fpm.sock;",
        "fastcgi_pass $php;",
        "fastcgi_pass unix:/run/php/php-fpm.sock;",
        "location / { proxy_pass http://127.0.0.1:8000; }",
        "location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock;",
    ],
)
def test_several_that_are_possible_stay_several(tmp_path: Path, passed: str) -> None:
    upstream = "upstream app { server unix:/run/php/php8.2-fpm.sock; server unix:/run/php/php7.4-fpm.sock backup; }\n"
    files = {"nginx/sites-enabled/site": SITE % passed, "nginx/conf.d/app.conf": upstream}
    assert sorted(look(tmp_path, files).candidates) == ["php7.4", "php8.2"]


def test_a_configuration_that_does_not_tell_leaves_the_only_one_that_is_enabled(tmp_path: Path) -> None:
    files = {"nginx/sites-enabled/site": SITE % "fastcgi_pass $php;"}
    assert look(tmp_path, files, units=("php8.2",)).candidates == ("php8.2",)


def test_without_a_name_every_server_counts(tmp_path: Path) -> None:
    files = {"nginx/sites-enabled/site": SITE % "fastcgi_pass unix:/run/php/php8.2-fpm.sock;"}
    assert sorted(look(tmp_path, files, domain=None).candidates) == ["php7.4", "php8.2"]


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("*.example.com", ["php8.2"]),
        ("_", ["php7.4", "php8.2"]),
        ("_; listen 80 default_server", ["php8.2"]),
        ("~^(a+)+$", ["php7.4", "php8.2"]),
    ],
)
def test_a_site_without_a_server_of_its_exact_name(tmp_path: Path, name: str, candidates: list[str]) -> None:
    site = f"server {{ server_name {name}; fastcgi_pass unix:/run/php/php8.2-fpm.sock; }}\n"
    found = look(tmp_path, {"nginx/sites-enabled/site": site}, domain="shop.example.com")
    assert sorted(found.candidates) == candidates


def test_many_sites_fit_into_one_answer_or_tell_nothing(tmp_path: Path) -> None:
    directives = "".join(f"    add_header X-Policy-{number} max-age=63072000 always;\n" for number in range(80))
    long = {
        f"nginx/sites-enabled/s{number}": SITE.replace("example.com", f"s{number}.example.org")
        % f"{directives}fastcgi_pass unix:/run/php/php7.4-fpm.sock;"
        for number in range(16)
    }
    site = {"nginx/sites-enabled/site": SITE % "fastcgi_pass unix:/run/php/php8.2-fpm.sock;"}
    assert look(tmp_path, long | site).candidates == ("php8.2",)
    cut = Output(
        stdout="php8.2-fpm.service enabled enabled\n# configuration file /etc/nginx/nginx.conf:\nhttp {", cut=True
    )
    assert DiscoverPhp().read(cut).candidates == ("php8.2",)


def test_units_that_cannot_be_listed() -> None:
    with pytest.raises(Unreadable, match="systemctl"):
        DiscoverPhp().read(Output(stderr="Failed to connect to bus", exit=1))
