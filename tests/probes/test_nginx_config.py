"""Nginx's certificate file for a name, from its configuration."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.certbot import Issuances
from remediate.probes.nginx_config import NginxCertificate
from remediate.transport.script import STDOUT_LIMIT
from support.staging_site import NAME
from support.this_machine import command_of

DUMP = """# configuration file /etc/nginx/nginx.conf:
user www-data;
include /etc/nginx/modules-enabled/*.conf;
http {
    # gzip_vary on; }
    log_format main '$remote_addr { "$request" } #';
    ssl_certificate /etc/ssl/fallback.pem;
    include /etc/nginx/mime.types;
    include sites-enabled/*;
}
# configuration file /etc/nginx/mime.types:
types { text/html html; }
# configuration file /etc/nginx/sites-enabled/agency-platform:
server {
    listen 80 default_server;
    server_name staging.example.com;
    return 301 https://$host$request_uri;
}
server {
    listen 443 ssl http2 default_server;
    listen [::]:443 ssl http2 default_server;
    server_name www.example.com staging.example.com;
    ssl_certificate /etc/letsencrypt/live/staging.example.com/fullchain.pem;
    ssl_certificate "/etc/ssl/rsa one.pem";
    location ~ /\\.(?!well-known) { deny all; }
    include /etc/nginx/other/*.conf;
}
server {
    listen 127.0.0.1:8443 ssl;
    server_name *.example.org .example.net;
    set $x ${y}z;
    include snippets/tls.conf;
}
server { listen 8443 ssl; server_name plain; }
# configuration file /etc/nginx/snippets/tls.conf:
ssl_certificate /etc/nginx/ssl/1234/server.crt;
"""


@pytest.mark.parametrize(
    ("domain", "port", "files"),
    [
        (NAME, 443, ("/etc/letsencrypt/live/staging.example.com/fullchain.pem", "/etc/ssl/rsa one.pem")),
        ("whoever.com", 443, ("/etc/letsencrypt/live/staging.example.com/fullchain.pem", "/etc/ssl/rsa one.pem")),
        ("www.example.org", 8443, ("/etc/nginx/ssl/1234/server.crt",)),
        ("example.net", 8443, ("/etc/nginx/ssl/1234/server.crt",)),
        ("a.example.net", 8443, ("/etc/nginx/ssl/1234/server.crt",)),
        ("plain", 8443, ("/etc/ssl/fallback.pem",)),
        (NAME, 9443, ()),
    ],
)
def test_which_file_nginx_serves(domain: str, port: int, files: tuple[str, ...]) -> None:
    assert NginxCertificate(domain=domain, port=port).read(Output(stdout=DUMP)).files == files


def test_nine_hundred_files_of_nineteen_lineages_fit_into_one_answer(tmp_path: Path) -> None:
    """An archive keeps everything that was ever issued: only the newest and those of this week are told."""
    now = time.time()
    for lineage in range(19):
        folder = tmp_path / "archive" / f"shop{lineage}.example.com"
        folder.mkdir(parents=True)
        for number in range(1, 49):
            file = folder / f"cert{number}.pem"
            file.touch()
            os.utime(file, (now - (48 - number) * 86_400 * 60, now - (48 - number) * 86_400 * 60))
    command = command_of(Issuances())
    words = [word.replace("/etc/letsencrypt", str(tmp_path)) for word in command.argv]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)
    assert len(done.stdout) < STDOUT_LIMIT / 10
    found = Issuances().read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    assert found.newest(but="shop0.example.com") == {f"shop{lineage}.example.com": 48 for lineage in range(1, 19)}
    assert found.issued("shop0.example.com", now - 7 * 86_400) == 1


def test_a_configuration_too_long_to_be_read_whole() -> None:
    longer = f"{DUMP}# configuration file /etc/nginx/sites-enabled/z:\nserver {{ listen"
    answer = Output(stdout=longer, cut=True, exit=141)
    assert NginxCertificate(domain=NAME).read(answer).files[0].startswith("/etc/letsencrypt/")
    with pytest.raises(Unreadable, match="too long"):
        NginxCertificate(domain="whoever.com").read(answer)


def test_several_blocks_of_one_name() -> None:
    other = """# configuration file /etc/nginx/sites-enabled/0-old:
server { listen 443 ssl; server_name staging.example.com; ssl_certificate /etc/ssl/old.pem; }
server { listen 80; server_name staging.example.com; }
"""
    first, rest = DUMP.split("# configuration file /etc/nginx/sites-enabled/agency-platform:")
    dump = f"{first}{other}# configuration file /etc/nginx/sites-enabled/agency-platform:{rest}"
    found = NginxCertificate(domain=NAME).read(Output(stdout=dump))
    assert found.files == ("/etc/ssl/old.pem",)
    assert found.blocks == ("/etc/nginx/sites-enabled/0-old", "/etc/nginx/sites-enabled/agency-platform")
    assert NginxCertificate(domain=NAME).read(Output(stdout=DUMP)).blocks == ()


@pytest.mark.parametrize(
    "output",
    [
        Output(stderr="nginx: [emerg] unknown directive", exit=1),
        Output(),
        Output(stdout="# configuration file /etc/nginx/nginx.conf:\nhttp {\n"),
        Output(stdout="# configuration file /etc/nginx/nginx.conf:\nhttp { } }\n"),
        Output(stdout="# configuration file /etc/nginx/nginx.conf:\ninclude nginx.conf;\n"),
        Output(
            stdout="# configuration file /etc/nginx/nginx.conf:\n"
            "http { server { listen 443 ssl; server_name ~^(a+)+$; ssl_certificate x; } }\n"
        ),
        Output(stdout="# configuration file /etc/nginx/nginx.conf:\n" + "a {" * 500),
    ],
)
def test_a_configuration_that_cannot_be_read(output: Output) -> None:
    with pytest.raises(Unreadable):
        NginxCertificate(domain=NAME).read(output)
