"""The certificate file of a site, read by the probe's shell from real configurations."""

import subprocess
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.nginx_config import NginxCertificate
from remediate.transport.script import STDOUT_LIMIT
from support.this_machine import command_of

MAIN = "user www-data;\nhttp {\n    include mime.types;\n    include /etc/nginx/sites-enabled/*;\n}\n"
POLICY = "".join(f"    add_header X-Policy-{number} max-age=63072000 always;\n" for number in range(80))
SITE = """server {{
    listen 443 ssl;
    server_name {name};
    ssl_certificate /etc/letsencrypt/live/{name}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{name}/privkey.pem;
{policy}}}
"""


def answer(tmp_path: Path, sites: dict[str, str]) -> Output:
    """Run the program of the probe against a tree of its own in the place of /etc."""
    nginx = tmp_path / "etc/nginx"
    (nginx / "sites-enabled").mkdir(parents=True)
    for name, text in {"nginx.conf": MAIN, "mime.types": "types { text/html html; }\n", **sites}.items():
        (nginx / name).write_text(text.replace("/etc/nginx", str(nginx)))
    command = command_of(NginxCertificate(domain="example.com"))
    assert command.user is None
    program, *words = (word.replace("/etc/nginx", str(nginx)) for word in command.argv[2:])
    done = subprocess.run(["sh", "-c", program, *words], check=False, capture_output=True, text=True, timeout=30)
    text = done.stdout.replace(str(nginx), "/etc/nginx")
    return Output(stdout=text[:STDOUT_LIMIT], stderr=done.stderr, exit=done.returncode, cut=len(text) > STDOUT_LIMIT)


def site(name: str) -> str:
    return SITE.format(name=name, policy=POLICY)


def test_a_site_behind_many_others_is_found(tmp_path: Path) -> None:
    others = {f"sites-enabled/a{number}": site(f"a{number}.example.org") for number in range(60)}
    found = NginxCertificate(domain="example.com").read(
        answer(tmp_path, others | {"sites-enabled/site": site("example.com")})
    )
    assert found.files == ("/etc/letsencrypt/live/example.com/fullchain.pem",)


def test_no_key_and_nothing_else_of_the_configuration_is_read(tmp_path: Path) -> None:
    read = answer(
        tmp_path, {"sites-enabled/site": site("example.com").replace("listen", "auth_basic_user_file /x;\n    listen")}
    )
    assert "privkey" not in read.stdout
    assert "auth_basic" not in read.stdout


def test_a_file_that_the_login_may_not_read_may_hold_the_site(tmp_path: Path) -> None:
    read = answer(tmp_path, {"sites-enabled/other": site("example.org")})
    closed = read.model_copy(
        update={"stdout": f"{read.stdout}# configuration file /etc/nginx/sites-enabled/site:\nunreadable;\n"}
    )
    with pytest.raises(Unreadable, match="may not read /etc/nginx/sites-enabled/site"):
        NginxCertificate(domain="example.com").read(closed)
    assert NginxCertificate(domain="example.org").read(closed).files


def test_a_host_without_nginx() -> None:
    with pytest.raises(Unreadable, match="no configuration of nginx"):
        NginxCertificate(domain="example.com").read(Output())
