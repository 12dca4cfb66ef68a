"""OpenSSH with a configuration of the user's that would harm, or that Fabric cannot use."""

import os
import subprocess
from pathlib import Path

import pytest

from remediate.core.host import SshTarget
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode
from remediate.project.project import SshClient
from remediate.transport.dialing import Dialling
from remediate.transport.openssh import client
from remediate.transport.openssh.client import Unusable
from remediate.transport.openssh.connecting import connect
from support.sshd import USER, Lab, Sshd, fingerprint, free_port, keygen, refused, run, settled

HOSTILE = """
Host *
 BatchMode no
 StrictHostKeyChecking no
 UpdateHostKeys yes
 VerifyHostKeyDNS yes
 NoHostAuthenticationForLocalhost yes
 PermitLocalCommand yes
 LocalCommand touch {folder}/pwned
 RemoteCommand touch {folder}/pwned
 RequestTTY force
 ForwardAgent yes
 ForwardX11 yes
 Tunnel yes
 DynamicForward {dynamic}
 LocalForward {local} 127.0.0.1:1
 RemoteForward {remote} 127.0.0.1:1
 ExitOnForwardFailure yes
 ControlMaster auto
 ControlPath {folder}/master
 ControlPersist yes
 AddKeysToAgent yes
 SendEnv *
 SetEnv REMEDIATE_CANARY=sung
 LogLevel QUIET
 VisualHostKey yes
 FingerprintHash md5
 RSAAuthentication yes
 EscapeChar a
 StdinNull yes
 ForkAfterAuthentication yes
 SessionType none
 ConnectionAttempts 50
"""


def hostile(lab: Lab) -> None:
    ports = {name: free_port() for name in ("dynamic", "local", "remote")}
    lab.configure(HOSTILE.format(folder=lab.folder, **ports))


def test_a_hostile_configuration_changes_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.sshd(settings="AcceptEnv *\n")
    hostile(lab)
    monkeypatch.setenv("REMEDIATE_CANARY", "sung")
    with connect(lab.target(server)) as link:
        assert run(link, "tty; echo [$SSH_AUTH_SOCK$DISPLAY$REMEDIATE_CANARY]; cat; exit 7", b"a~.~\n") == (
            b"not a tty\n[]\na~.~\n",
            7,
            b"",
        )
        assert run(link, "echo second") == (b"second\n", 0, b"")
    assert not (lab.folder / "pwned").exists()
    assert not (lab.folder / "master").exists()
    assert not {"tcpip-forward", "auth-agent", "direct-tcpip", "x11-req"} & set(server.log.split())


def test_a_hostile_configuration_trusts_no_unknown_key(lab: Lab) -> None:
    server = lab.stranger()
    hostile(lab)
    refused(connect, lab.target(server), UnreachableCode.HOST_KEY_UNKNOWN)
    assert not server.has_seen_a_login()
    assert lab.known_hosts.read_text() == ""


def test_a_hostile_configuration_trusts_no_jump_host(lab: Lab) -> None:
    jump, server = lab.stranger(), lab.sshd()
    hostile(lab)
    target = lab.target(server, jumps=(f"{USER}@127.0.0.1:{jump.port}",))
    refused(connect, target, UnreachableCode.HOST_KEY_UNKNOWN)
    assert not jump.has_seen_a_login()
    assert not (lab.folder / "pwned").exists()


def test_a_known_key_does_not_replace_the_pinned_one(lab: Lab) -> None:
    server = lab.sshd()
    lab.configure(f"KnownHostsCommand /bin/echo [127.0.0.1]:{server.port} {server.host_keys[0].with_suffix('.pub')}\n")
    pin = fingerprint(keygen(lab.folder / "other"))
    refused(connect, lab.target(server, host_key=pin), UnreachableCode.HOST_KEY_CHANGED)
    assert not server.has_seen_a_login()


def test_a_hostile_configuration_keeps_the_pin(lab: Lab) -> None:
    server = lab.stranger()
    hostile(lab)
    connect(lab.target(server, host_key=fingerprint(server.host_keys[0]))).close()


def test_a_login_that_checked_no_host_key_is_left_to_fabric(lab: Lab, runtime: Path) -> None:
    server = lab.sshd()
    wrapper = lab.folder / "bin" / "ssh"
    line = "debug1: kex: algorithm: gss-group14-sha256-toWM5Slw5Ew8Mqkay+al2g=="
    wrapper.write_text(wrapper.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\necho '{line}' >&2\n"))
    with pytest.raises(Unusable, match="GSSAPIKeyExchange"):
        connect(lab.target(server))
    assert settled(lambda: not server.children())
    assert not [path for path in runtime.glob("*/*") if path.is_socket()]


def test_a_pinned_key_within_a_certificate(lab: Lab) -> None:
    server = certified(lab)
    pin = fingerprint(server.host_keys[0])
    connect(lab.target(server, host_key=pin)).close()
    other = keygen(lab.folder / "other")
    refused(connect, lab.target(server, host_key=fingerprint(other)), UnreachableCode.HOST_KEY_CHANGED)
    refused(connect, lab.target(server, host_key=pin, key_file=other), UnreachableCode.AUTHENTICATION)


def test_an_option_that_ssh_ignores_is_no_reason(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    target = SshTarget(address="127.0.0.1", port=free_port(), user=USER)
    lab.configure("RSAAuthentication yes\n")
    refused(connect, target, UnreachableCode.REFUSED)
    lab.configure("")
    monkeypatch.setattr(client, "STRICT", f"{client.STRICT}RSAAuthentication yes\n")
    refused(connect, target, UnreachableCode.REFUSED)


def test_a_banner_is_no_bad_configuration(lab: Lab) -> None:
    (lab.folder / "banner").write_text("By order of the owner, line 3: authorized use only\n")
    server = lab.sshd(settings=f"Banner {lab.folder}/banner\n")
    target = lab.target(server, key_file=keygen(lab.folder / "other"))
    refused(connect, target, UnreachableCode.AUTHENTICATION)


def test_a_file_that_ssh_includes_from_nobody_but_its_owner_is_left_to_fabric(lab: Lab) -> None:
    server = lab.sshd()
    (lab.folder / "config").chmod(0o666)
    with pytest.raises(Unusable, match="Bad owner or permissions"):
        connect(lab.target(server))


def test_a_login_without_a_shell_uses_jump_hosts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    jump, server = lab.sshd(), lab.sshd()
    monkeypatch.setenv("SHELL", "/usr/sbin/nologin")
    connect(lab.target(server, jumps=(f"{USER}@127.0.0.1:{jump.port}",))).close()


def test_a_pin_that_is_no_fingerprint_starts_no_command(lab: Lab) -> None:
    with pytest.raises(Unusable, match="no SHA256 fingerprint"):
        connect(SshTarget(address="127.0.0.1", host_key=f"SHA256:x ]; touch {lab.folder}/pwned; ["))


def test_a_file_name_that_ssh_would_take_apart_is_left_to_fabric(lab: Lab) -> None:
    for name in ('a"b', "50%", "${HOME}", "a\\b", "a\nb"):
        with pytest.raises(Unusable, match="unusual characters"):
            connect(SshTarget(address="127.0.0.1", key_file=lab.folder / name))


def test_a_key_file_with_blanks_in_its_name(lab: Lab) -> None:
    server = lab.sshd()
    key = lab.key.rename(lab.folder / "my own key")
    connect(lab.target(server, key_file=key)).close()


def test_a_proxy_command_is_used(lab: Lab) -> None:
    server = lab.sshd()
    jump = lab.sshd()
    own = f"ssh -F {lab.folder}/jump -W %h:%p jump"
    (lab.folder / "jump").write_text(
        f"Host jump\n HostName 127.0.0.1\n Port {jump.port}\n IdentityFile {lab.key}\n User {USER}\n"
        f" UserKnownHostsFile {lab.known_hosts}\n"
    )
    lab.configure(f"Host web\n HostName 127.0.0.1\n Port {server.port}\n ProxyCommand {own}\n")
    with connect(SshTarget(address="web", user=USER, key_file=lab.key)) as link:
        assert run(link, "echo through")[0] == b"through\n"


def certified(lab: Lab) -> Sshd:
    """Return a server with a certificate for its host key."""
    server = lab.stranger()
    authority = keygen(lab.folder / "authority")
    key = server.host_keys[0]
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), "-I", "web", "-h", f"{key}.pub"], check=True)
    server.stop()
    server.settings = f"HostCertificate {key}-cert.pub\n"
    server.start(lab.key)
    return server


def test_a_host_certificate_of_a_known_authority_is_accepted(lab: Lab) -> None:
    server = certified(lab)
    lab.know(server, lab.folder / "authority", marker="@cert-authority ")
    connect(lab.target(server)).close()


def test_a_jump_host_that_is_its_own_jump_host_is_left_to_fabric(lab: Lab) -> None:
    jump, server = lab.sshd(), lab.sshd()
    lab.configure(
        f"Host web\n HostName 127.0.0.1\n Port {server.port}\nHost bastion\n HostName 127.0.0.1\n Port {jump.port}\n"
        f"Host *\n IdentityFile {lab.key}\n ProxyJump bastion\n"
    )
    target = SshTarget(address="web", user=USER)
    with pytest.raises(Unusable, match="leads back to itself"):
        connect(target)
    link = Dialling(target).link()
    assert run(link, "echo through")[0] == b"through\n"
    link.close()


# --- no OpenSSH that can be used


def test_without_an_ssh_client_fabric_is_used_and_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.stranger()
    target = lab.target(server)
    monkeypatch.setattr("remediate.transport.openssh.client.shutil.which", lambda _: None)
    with pytest.raises(Unreachable, match=r"\(over Fabric: no ssh client is installed\)$") as caught:
        Dialling(target).link()
    assert caught.value.code is UnreachableCode.HOST_KEY_UNKNOWN
    with pytest.raises(ConfigurationError, match="no ssh client is installed; use ssh = "):
        Dialling(target, SshClient.OPENSSH).link()
    lab.know(server)
    monkeypatch.undo()


def test_an_ssh_that_does_not_know_an_option_is_left_to_fabric(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.sshd()
    monkeypatch.setattr(client, "STRICT", f"{client.STRICT}NotYetInvented yes\n")
    with pytest.raises(Unusable, match="notyetinvented"):
        connect(lab.target(server))
    link = Dialling(lab.target(server)).link()
    assert run(link, "echo in")[0] == b"in\n"
    link.close()


@pytest.mark.parametrize("case", ["open", "a link", "a file"])
def test_a_folder_that_others_can_enter_is_not_used(case: str, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    folder, elsewhere = runtime / f"remediate-{os.geteuid()}", runtime / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if case == "open":
        folder.mkdir(mode=0o755)
    elif case == "a link":
        folder.symlink_to(elsewhere)
    else:
        folder.write_text("")
    assert client.private_folder() != folder


def test_a_folder_that_others_could_replace_is_not_used(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    assert client.private_folder().parent == runtime
    runtime.chmod(0o777)
    assert client.private_folder().parent != runtime
    runtime.chmod(0o1777)
    assert client.private_folder().parent == runtime


def test_a_long_path_is_not_used_for_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 80)))
    assert len(str(client.private_folder() / client.socket_name())) <= 80


def test_nothing_is_left_of_a_connection(lab: Lab, runtime: Path) -> None:
    server = lab.sshd()
    link = connect(lab.target(server))
    (folder,) = runtime.glob("remediate-*")
    assert sum(path.is_socket() for path in folder.iterdir()) == 1
    link.close()
    assert settled(lambda: not server.children(), 15)
    # The configuration stays, under the name of its contents: the next run uses it.
    assert [len(path.name) for path in folder.iterdir()] == [32]
