"""Files that are no inventory, or only partly, and the line that says why."""

import os
import stat
from pathlib import Path

import pytest
import yaml

from remediate.core.host import SshTarget
from remediate.inventory import ansible_yaml
from remediate.inventory.ansible_yaml import parse
from remediate.inventory.selection import Inventory, discover
from support.inventories import Write, names, refusal, select


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "is empty"),
        ("# only a comment\n", 1, "is empty"),
        ("---\n...\n", 1, "is empty"),
        ("all:\n\thosts:\n", 2, "there is a tab"),
        ("all: [\n", 1, "not valid YAML"),
        ("all: 'x\n", 1, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("- web1\n", 1, "must be a mapping of groups"),
        ("web1\n", 1, "must be a mapping of groups"),
        (
            "plugin: aws_ec2\n",
            1,
            "is the configuration of an inventory plugin, which ansible-inventory reads",
        ),
        ("# c\n[web:vars]\nx=1\n", 2, "the group 'web' of these variables does not exist"),
        ("#!/bin/sh\necho '{}'\n", 1, "is an executable inventory, which ansible-inventory reads, and only for"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", 1, "is encrypted as a whole"),
        ("all: {hosts: [a, b]}\n", 1, "hosts must be a mapping and is a list"),
        ("all: {children: [a, b]}\n", 1, "children must be a mapping and is a list"),
        ("all: {vars: x}\n", 1, "vars must be a mapping and is text"),
        ("all: {hosts: !vault x}\n", 1, "is tagged !vault"),
        ("all: {hosts: {? [a] : }}\n", 1, "a key must be plain text"),
        ("a: {children: {b: }}\nb: {children: {a: }}\n", 1, "hold one another"),
        ("a: {children: {a: }}\n", 1, "hold one another"),
        ("a: {children: {all: }}\n", 1, "cannot be a child"),
        ("a: {vars: {ansible_group_priority: x}}\n", 1, "whole number"),
        ("all: {vars: {x: !!python/object/apply:os.system [id]}}\n", 1, "!!python/object/apply:os.system would run"),
        ("all: {vars: {x: !!python/name:os.system }}\n", 1, "would run code"),
        ("all: !!python/object/new:os.system [id]\n", 1, "would run code"),
        ("all: {vars: {x: *nowhere}}\n", 1, "no anchor"),
        ("a: &x {}\nb: &x {}\n", 2, "not valid YAML: second occurrence"),  # as for Ansible
        ("all: &a {vars: {x: *a}}\n", 1, "contains itself"),
        ("all: {vars: {x: !!int abc}}\n", 1, "not a possible int"),
        ("all: {vars: {x: !!float ''}}\n", 1, "not a possible float"),
        ("all: {vars: {x: !!bool maybe}}\n", 1, "not a possible bool"),
        ("all: {vars: {x: " + "9" * 5000 + "}}\n", 1, "not a possible int"),
        ("all: {vars: {<<: 5}}\n", 1, "'<<' merges mappings"),
        ("a: " + "[" * 100_000, 1, "nested more than"),
        ("%YAML 9.1.2\n---\na: 1\n", 1, "not valid YAML"),
        ("all: {vars: {x: !nope!y z}}\n", 1, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, "control character U+0007"),
    ],
)
@pytest.mark.parametrize("parser", [yaml.CSafeLoader, yaml.SafeLoader])
def test_what_is_no_inventory_is_one_line_with_file_and_line(
    write: Write, monkeypatch: pytest.MonkeyPatch, text: str, line: int, told: str, parser: object
) -> None:
    monkeypatch.setattr(ansible_yaml, "_PARSER", parser)
    folder = write({"i.yml": text})
    message = refusal(lambda: select(folder))
    assert message.startswith(f"{folder}/i.yml:{line}: ")
    assert told in message
    assert "warning" not in message


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "i.yml").write_bytes(b"all:\n  hosts:\n    caf\xe9:\n")
    assert refusal(lambda: select(tmp_path)) == f"{tmp_path}/i.yml:3: is not UTF-8 text"
    (tmp_path / "i.yml").write_bytes("\ufeffall: {hosts: {a: }}".encode())
    assert names(select(tmp_path)) == "a"


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert "folder:1: holds no inventory file" in refusal(lambda: select(tmp_path, "all", "folder"))
    assert "pipe:1: is not a regular file" in refusal(lambda: select(tmp_path, "all", "pipe"))
    assert "missing.yml:1: cannot be read: No such file" in refusal(lambda: select(tmp_path, "all", "missing.yml"))
    assert "cannot be read" in refusal(lambda: select(tmp_path, "all", "a\nb\0c"))
    assert "cannot be read: File name too long" in refusal(lambda: select(tmp_path, "all", "x" * 300))
    (tmp_path / "i.yml").write_text("all: {hosts: {a: }}")
    (tmp_path / "i.yml").chmod(0)

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)  # root reads everything, whatever the mode
    assert "i.yml:1: cannot be read: Permission denied" in refusal(lambda: select(tmp_path))


def test_a_file_that_is_too_large(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ansible_yaml, "MAX_BYTES", 1024 * 1024)
    folder = write({"i.yml": "#" * 1024 * 1024 + "\n"})
    assert "is larger than 1 MiB" in refusal(lambda: select(folder))


def test_text_is_read_whatever_its_mode(write: Write) -> None:
    """A file system without modes calls every file executable."""
    folder = write({"hosts": "web1 ansible_user=ana\n", "i.yml": "all: {hosts: {a: }}"})
    for name in ("hosts", "i.yml"):
        (folder / name).chmod(stat.S_IRWXU)
    assert names(select(folder, "all", "hosts")) == "web1"
    assert names(select(folder)) == "a"
    (folder / "hosts").write_bytes(b"\x7fELF\xff")
    assert "hosts:1: is an executable inventory, which ansible-inventory" in refusal(
        lambda: select(folder, "all", "hosts")
    )


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("group_vars/all.yml", "- a", "group_vars/all.yml:1: must be a mapping of variables"),
        ("host_vars/h.yml", "a: [", "host_vars/h.yml:1: is not valid YAML"),
        ("host_vars/h/x.yml", "text", "host_vars/h/x.yml:1: must be a mapping"),
        ("host_vars/h/a/b/c/d/e/f/g/h/i/j/x.yml", "", "nested more than"),
    ],
)
def test_broken_files_beside_the_inventory(write: Write, file: str, text: str, told: str) -> None:
    folder = write({"i.yml": "all: {hosts: {h: }}", file: text})
    assert told in refusal(lambda: select(folder))


def test_folders_that_cannot_be_looked_into(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({"i.yml": "all: {hosts: {" + "ä" * 200 + ": }}", "host_vars/x.yml": ""})
    assert "cannot be read: File name too long" in refusal(lambda: select(folder))

    def denied(self: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert refusal(lambda: discover(folder)) == f"{folder}/inventories: cannot be listed: Permission denied"


def test_what_ansible_would_ignore_is_a_warning(write: Write) -> None:
    folder = write({"i.yml": "version: 3\nweb: {hosts: {a: }, host: {b: }}\na: {hosts: {a: , c: }}\n"})
    inventory = Inventory.load([folder / "i.yml"])
    assert names(inventory.select("all")) == "a c"
    assert [warning.partition("/i.yml")[2] for warning in inventory.warnings] == [
        ":1: version: is no group: it is a number; ignored",
        ":2: web.host: is ignored: a group holds hosts, children and vars",
        ":3: a: is the name of a group and of a host",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("all: {hosts: {a: b}}\n", "a host's variables must be a mapping and is text"),
        ("all: {hosts: {'x(SW1)': }}\n", "'x(SW1)' is not a possible name for a host; ignored"),
        (f"all: {{hosts: {{'w{'[0:0]' * 200}': }}}}\n", "at most 250 characters; ignored"),
        ("all: {hosts: {'a[1:': , 'web[5:1]': }}\n", "begins after its end"),
        ("all: {hosts: {1: }}\n", "must be text; put it in quotes"),
        ("all: {hosts: {no: }}\n", "must be text; put it in quotes"),
        ("all: {hosts: {'../../etc/passwd': }}\n", "not a possible name"),
        ("all: {hosts: {'..': }}\n", "not a possible name"),
        ("all: {hosts: {'-x': }}\n", "not a possible name"),
        ("all: {hosts: {'a,b': }}\n", "not a possible name"),
        ("all: {hosts: {'!a': }}\n", "not a possible name"),
        ('all: {hosts: {"a\\u202Eb": }}\n', "not a possible name"),
        ("all: {hosts: {'{{ x }}': }}\n", "not a possible name"),
    ],
)
def test_a_host_suffers_from_no_other_ones_entry(write: Write, text: str, told: str) -> None:
    """Ansible takes most of these: whoever is needed at three in the morning is called something else."""
    folder = write({"i.yml": f"web: {{hosts: {{web1: }}}}\n{text}"})
    inventory = Inventory.load([folder / "i.yml"])
    said: list[str] = []
    assert names(inventory.select("web1", said.append)) == "web1"
    assert any("/i.yml:2:" in line and told in line for line in said), said


def test_what_ansible_takes_is_taken_with_a_warning(write: Write) -> None:
    text = """\
.hidden: &base
  ansible_user: ana
.list: [a]
all:
  children:
    Core Switches:
      vars: {remediate: {production: true}}
      hosts: {web1: {<<: *base, ansible_port: 1, ansible_port: 22}}
    ../../up: {hosts: {web2: }}
  vars: {remediate: {production: false}}
"""
    beside = "ansible_user: eva\nansible_user: ben\n"
    folder = write({"i.yml": text, "group_vars/Core Switches.yml": beside, "up": "- no mapping"})
    said: list[str] = []
    (host,) = Inventory.load([folder / "i.yml"]).select("Core Switches", said.append)
    assert (host.name, host.ssh.user, host.ssh.port, host.settings.production) == ("web1", "ana", 22, True)
    assert names(select(folder, "web2")) == "web2"
    told = [line.partition(str(folder))[2] for line in said]
    for begins in (
        "/i.yml:1: .hidden: '.hidden' is an unusual name for a group",
        "/i.yml:2: .hidden.ansible_user: is ignored: a group holds hosts, children and vars",
        "/i.yml:3: .list: is no group: it is a list; ignored",
        "/i.yml:6: all.children.Core Switches: 'Core Switches' is an unusual name for a group",
        "/i.yml:8: all.children.Core Switches.hosts.web1.ansible_port: the key stands twice in one mapping, first in",
        "/group_vars/Core Switches.yml:2: ansible_user: the key stands twice in one mapping, first in line 1",
    ):
        assert any(line.startswith(begins) for line in told), told


def test_an_ssh_configuration_of_its_own(write: Write) -> None:
    """Vagrant writes inventories like this one."""
    text = "all: {hosts: {a: {ansible_ssh_common_args: -F .vagrant/ssh-config}, b: {ansible_ssh_args: '-F'}}}\n"
    folder = write({"i.yml": text})
    (host,) = select(folder, "a")
    assert host.ssh.config_file == folder / ".vagrant/ssh-config"
    assert "-F lacks what it should set" in refusal(lambda: select(folder, "b"))


@pytest.mark.parametrize("user", ["ana@corp.example.com", "CORP\\\\ana", "CORP\\\\ana.b-c"])
def test_logins_of_a_directory(write: Write, user: str) -> None:
    folder = write({"i.yml": f'all: {{hosts: {{a: {{ansible_user: "{user}", remediate: {{app_user: "{user}"}}}}}}}}\n'})
    (host,) = select(folder)
    assert host.ssh.user == host.settings.app_user == user.replace("\\\\", "\\")


@pytest.mark.parametrize("user", ["\\ana", "ana\\", "ana@", "@corp", "a\\b\\c", "ana;id", "ana corp", "-x", "a" * 129])
def test_what_is_no_login(user: str) -> None:
    with pytest.raises(ValueError, match="takes a user's name"):
        SshTarget(address="web1", user=user)


def test_aliases_are_shared_but_bounded(write: Write) -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    assert "aliases expand to more than" in refusal(lambda: parse(Path("x"), bomb, []))
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))
    assert "nested more than" in refusal(lambda: parse(Path("x"), chain, []))
    text = """
all:
  vars: &v {ansible_user: a, ansible_port: 1}
  hosts: {h: {<<: [*v, {ansible_port: 9}], ansible_user: b}}
"""
    (host,) = select(write({"i.yml": text}))
    assert host.ssh == SshTarget(address="h", user="b", port=1)
