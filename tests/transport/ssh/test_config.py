"""The client's ssh configuration as OpenSSH reads it, and hostile words in it."""

import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from remediate.core.host import SshTarget
from remediate.errors import ConfigurationError
from remediate.transport.ssh import connection
from remediate.transport.ssh.config import HostSpec, SshOptions, parse_jump, parse_options, resolve, route
from support.sshd import USER, Connect, Lab


def options(**changes: Any) -> SshOptions:
    values: dict[str, Any] = {"hostname": "h", "port": 22, "user": "u"}
    return SshOptions(**(values | changes))


def test_parse_options() -> None:
    text = (
        "host web\nuser deploy\nhostname 10.0.0.7\nport 2200\nidentitiesonly yes\nidentityfile ~/x-%r-%h\n"
        "identityfile /keys/a b\n"
        "proxyjump ana@j1:22,j2\nuserknownhostsfile /a/known /b c/known ~/.ssh/kh\n"
        "globalknownhostsfile /dev/null\nhostkeyalias Web\nconnecttimeout 7\n"
        "identityagent none\nrevokedhostkeys /r/%h\n"
    )
    found = parse_options(text, HostSpec("web"))
    assert found == SshOptions(
        hostname="10.0.0.7",
        port=2200,
        user="deploy",
        identity_files=(Path("~/x-deploy-10.0.0.7").expanduser(), Path("/keys/a b")),
        identities_only=True,
        identity_agent="none",
        proxy_jump=("ana@j1:22", "j2"),
        known_hosts=(Path("/a/known"), Path("/b c/known"), Path("~/.ssh/kh").expanduser(), Path("/dev/null")),
        revoked_host_keys=Path("/r/10.0.0.7"),
        host_key_alias="Web",
        connect_timeout=7,
    )


def test_parse_options_of_nothing() -> None:
    found = parse_options("connecttimeout none\nproxyjump none\n", HostSpec("web", "ana", 23))
    assert (found.hostname, found.port, found.user, found.connect_timeout) == ("web", 23, "ana", None)
    assert found.proxy_jump == ()
    assert Path("/etc/ssh/ssh_known_hosts") in found.known_hosts


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("j", HostSpec("j")),
        ("a@j:22", HostSpec("j", "a", 22)),
        ("a@b@j", HostSpec("j", "a@b")),
        ("[::1]:23", HostSpec("::1", None, 23)),
        ("ssh://a@j:1", HostSpec("j", "a", 1)),
        ("fe80::1", HostSpec("fe80::1")),
    ],
)
def test_parse_jump(text: str, spec: HostSpec) -> None:
    assert parse_jump(text) == spec


HOSTILE = [
    "-oProxyCommand=touch x",
    "",
    " ",
    "a b",
    "a;b",
    "$(id)",
    "a\nb",
    "`id`",
    "a|b",
    "a/b",
    "a'b",
    "j:0",
    "j:99999",
    "-x:22",
]


@pytest.mark.parametrize("text", [*HOSTILE, "-l@host", "u u@host", "j:port"])
def test_hostile_jumps(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_jump(text)


@pytest.mark.parametrize("address", [text for text in HOSTILE if not text.startswith("j:")])
def test_hostile_addresses_start_nothing(
    address: str, lab: Lab, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    for each in ("run", "Popen"):
        monkeypatch.setattr(subprocess, each, lambda *_, **__: pytest.fail("a program was started"))
    with pytest.raises(ConfigurationError):
        connect(SshTarget(address=address))


def test_proxy_command_is_refused_by_fabric(lab: Lab) -> None:
    lab.configure(f"Host web\n ProxyCommand touch {lab.folder}/pwned\n")
    with pytest.raises(ConfigurationError, match="ProxyCommand"):
        connection.connect(SshTarget(address="web"))
    assert not (lab.folder / "pwned").exists()


def test_broken_configuration_is_one_line(lab: Lab, connect: Connect) -> None:
    lab.configure("Nonsense yes\n")
    with pytest.raises(ConfigurationError, match="Bad configuration option") as caught:
        connect(SshTarget(address="web"))
    assert "\n" not in str(caught.value)


def test_route_order_and_whose_jumps_count() -> None:
    ways = {
        "web": options(hostname="web", proxy_jump=("ignored",)),
        "inner": options(hostname="inner", proxy_jump=("ignored",)),
        "outer": options(hostname="outer", proxy_jump=("first", "inner")),
        "first": options(hostname="first", proxy_jump=("outer",)),
    }
    hops = route(
        SshTarget(address="web", jumps=("outer", "inner"), host_key="SHA256:x"), lambda asked: ways[asked.name]
    )
    assert [hop.options.hostname for hop in hops] == ["first", "outer", "inner", "web"]
    assert [hop.pin for hop in hops] == [None, None, None, "SHA256:x"]
    assert [hop.is_jump for hop in hops] == [True, True, True, False]


def test_without_an_ssh_client(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.stranger()
    home = lab.folder / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(
        f"Host web\n HostName 127.0.0.1\n Port {server.port}\n IdentityFile {lab.key}\n"
    )
    lab.know(server)
    (home / ".ssh" / "known_hosts").write_text(lab.known_hosts.read_text())
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("remediate.transport.ssh.config.shutil.which", lambda _: None)
    connection.connect(SshTarget(address="web", user=USER)).close()


FILLED = (
    *("${PLACE}/id", "~/.ssh/id", "%d/.ssh/id_%r_%u_%i", "/keys/%h/%n/%p/%k/%l/%L/%%", "/k/${PLACE}/%h", "%d${PLACE}"),
    "/keys/${TILDE}/id",
)


def test_identity_files_are_filled_in_as_the_real_ssh_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv("TILDE", "~x%h")
    files = "".join(f" IdentityFile {each}\n" for each in FILLED)
    config = tmp_path / "config"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        config.write_text(f"Host web\n HostName 127.0.0.1\n Port {port}\n User eva\n{files}")
        ssh = [
            str(shutil.which("ssh")),
            "-v",
            "-F",
            str(config),
            "-o",
            "ConnectTimeout=1",
            "-o",
            "BatchMode=yes",
            "web",
        ]
        said = subprocess.run(ssh, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
    real = re.findall(r"identity file (.*) type -?[0-9]+", said)
    found = resolve(HostSpec("web"), 5, config).identity_files
    assert list(found) == [Path(path) for path in real if not path.endswith("-cert")]
    assert len(found) == len(FILLED)


def test_a_variable_of_a_configuration_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLACE", raising=False)
    with pytest.raises(ConfigurationError, match=r"of web names \$\{PLACE\}, which is not set"):
        parse_options("identityfile ${PLACE}/id\n", HostSpec("web"))
    assert parse_options("identityagent ${PLACE}\n", HostSpec("web")).identity_agent == "${PLACE}"


def test_a_home_directory_that_nobody_has() -> None:
    with pytest.raises(ConfigurationError, match="of web: ~nobody-here/id begins with a user who has no home"):
        parse_options("identityfile ~nobody-here/id\n", HostSpec("web"))


def test_a_login_of_a_directory() -> None:
    assert HostSpec("web", "CORP\\ana").user == "CORP\\ana"
    assert parse_jump("ana@corp.example.com@bastion:2222") == HostSpec("bastion", "ana@corp.example.com", 2222)
    with pytest.raises(ConfigurationError):
        HostSpec("web", "ana\\")
