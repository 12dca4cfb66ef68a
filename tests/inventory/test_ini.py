"""INI inventories: what is wrong in them, in one line, and what Ansible reads otherwise than one means it.

That values, groups and ranges are Ansible's is shown by the corpus.
"""

from time import process_time

import pytest

from remediate.inventory.selection import Inventory
from support.inventories import CANARY, Write, names, refusal, select


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "is empty; an inventory names at least one host"),
        ("# nothing\n; yet\n", 1, "is empty"),
        ("[web servers]\n", 1, "is no section: a section is [NAME], [NAME:children] or [NAME:vars], without spaces"),
        ("[web\na\n", 1, "begins with a bracket that is never closed: a section is [NAME]"),
        ("[web:vars\nx=1\n", 1, "begins with a bracket that is never closed"),
        ("a\n[web:host]\n", 2, "'host' is no kind of section: a section is [NAME], [NAME:children] or [NAME:vars]"),
        (
            "[web] ; front\n",
            1,
            "has something after its section: a section is [NAME], [NAME:children] or [NAME:vars]",
        ),
        ("[web]\na x='b\n", 2, "has a quotation mark that is never closed"),
        ("[web]\na x=b\\\n", 2, "has a \\ at its end"),
        (f"[web]\na ansible_password=a {CANARY}\n", 2, "has a word without '=' after the host: write name=value"),
        (f"[web]\na ={CANARY}\n", 2, "has a word without '=' after the host"),
        (
            f"[web]\nansible_password={CANARY}\n",
            2,
            "begins with a variable: a host comes first",
        ),
        (f"[web]\na\n[web:vars]\n{CANARY}\n", 4, "must be name=value, as everything below a [NAME:vars]"),
        (f"[web]\na\n[web:vars]\n={CANARY}\n", 4, "must be name=value"),
        ("[web:vars]\nx=1\n", 1, "the group 'web' of these variables does not exist: add a section [web]"),
        ("[web:children]\ndb\n", 2, "'db' is no group, and only groups are children: add a section [db]"),
        ("[web:children]\na b\n", 2, "must be the name of one group; hosts belong into a section of their own"),
        ("a\n[web:children]\na\n", 3, "'a' is no group, and only groups are children"),
        ("---\nall:\n", 1, "is YAML in a file that is read as INI: give the file a name that ends in .yml"),
        ("all:\n  hosts:\n", 1, "is YAML in a file that is read as INI"),
        ("[a:children]\nb\n[b:children]\na\n", 1, "these groups hold one another"),
        ("[web]\n[all]\na\n[web:children]\nall\n", 2, "'all' holds every group and cannot be a child"),
        ("[web]\na\n[web:vars]\nansible_group_priority=high\n", 4, "web.vars.ansible_group_priority: must be a whole"),
        (
            "[web]\na x={[]:1}\n",
            2,
            "a.x: is no possible value: quote it, or write it in group_vars or",
        ),
        ("a x=" + "[" * 80 + "]" * 80 + "\n", 1, "is nested more than"),
        ("w[1:30000]\n", 1, "the inventory names more than 20000 hosts"),
        ("a\n\x01\n", 2, "holds the control character U+0001"),
        ("[web]\na ansible_port=ssh\n", 2, "a.ansible_port: must be a port, a number from 1 to 65535"),
        ("[web]\na\n[web:vars]\nansible_user='-x'\n", 4, "web.vars.ansible_user: is not a possible name for a user"),
        ("a ansible_connection=winrm\n", 1, "a.ansible_connection: 'a' is not reached over ssh"),
        (
            "[web]\na\n[web:vars]\nansible_group_priority=0x" + "f" * 5000 + "\n",
            4,
            "must be a whole number, of at most",
        ),
        ("a x={0x" + "f" * 5000 + ":1}\n", 1, "a.x: has a number of too many digits as a key"),
        ("a ansible_host_key_checking=0x" + "f" * 5000 + "\n", 1, "a.ansible_host_key_checking: is refused"),
        ("a remediate=\"{'pph': 1}\"\n", 1, "a.remediate.pph: "),
        ("a remediate={'pph':1}\n", 1, "a.remediate: must be a mapping and is text"),
        ("a ansible_host={{b}}\n", 1, "a.ansible_host: is a template, and remediate needs its value"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_line(write: Write, text: str, line: int, told: str) -> None:
    folder = write({"i.ini": text})
    message = refusal(lambda: select(folder, "all", "i.ini"))
    assert message.startswith(f"{folder}/i.ini:{line}: ")
    assert told in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("web1\nx(1)\n", ":2: 'x(1)' is not a possible name for a host; ignored"),
        ("web1\nw[3:1]\n", ":2: a host range begins after its end; ignored"),
        ("web1\nw[01:100]\n", ":2: a host range with leading zeros needs as many digits at its begin as at its end"),
        ("web1\nall\n", ":2: all: is the name of a group and of a host"),
        ("web1\n[g!]\n", ":2: 'g!' is an unusual name for a group"),
        (
            "web1\n[all:vars]\nx=a # b\n",
            ":3: all.vars.x: everything after # is part of the value: give a",
        ),
    ],
)
def test_what_stops_nothing_is_a_warning(write: Write, text: str, told: str) -> None:
    folder = write({"i.ini": text})
    inventory = Inventory.load([folder / "i.ini"])
    assert names(inventory.select("web1")) == "web1"
    (warning,) = inventory.warnings
    assert told in warning


def test_a_literal_holds_nothing_that_cannot_be_sent(write: Write) -> None:
    folder = write({"i.ini": "a remediate=\"{'app_path': '/srv/\\ud800'}\"\n"})
    (host,) = select(folder, "a", "i.ini")
    assert host.settings.app_path == "/srv/\\ud800"


def test_lines_of_windows(write: Write) -> None:
    folder = write({"hosts": "[web]\r\nweb1 ansible_user=ana\r\n\r\n[web:vars]\r\nansible_port=22\r\n"})
    (host,) = select(folder, "web", "hosts")
    assert (host.ssh.user, host.ssh.port) == ("ana", 22)


def test_an_error_of_yaml_stays_one_where_yaml_is_meant(write: Write) -> None:
    folder = write({"hosts": "all:\n  hosts: [\n", "i.yml": "web1\n"})
    assert "hosts:2: is not valid YAML" in refusal(lambda: select(folder, "all", "hosts"))
    assert "i.yml:1: must be a mapping of groups" in refusal(lambda: select(folder))


def test_a_directory_and_its_files(write: Write) -> None:
    folder = write(
        {"inv/sub/.hidden": "", "bad/b.ini": "[x\n", "bad/a.ini": "web1\n", "deep/" + "d/" * 10 + "h": "a\n"}
    )
    assert "sub:1: holds no inventory file" in refusal(lambda: select(folder, "all", "inv/sub"))
    assert "bad/b.ini:1: " in refusal(lambda: select(folder, "web1", "bad"))
    assert "folders are nested more than 8 deep" in refusal(lambda: select(folder, "a", "deep"))
    secret = write({"enc/a.ini": "web1\n", "enc/b": "$ANSIBLE_VAULT;1.1;AES256\n61\n", "enc/c": "#!/bin/sh\n"})
    assert "enc/b:1: is encrypted as a whole" in refusal(lambda: select(secret, "all", "enc"))


def test_a_relative_key_begins_at_the_inventory(write: Write) -> None:
    folder = write({"inv/sub/hosts": "web1 ansible_ssh_private_key_file=keys/a\n", "one.ini": "web1\n"})
    (host,) = select(folder, "web1", "inv")
    assert host.ssh.key_file == folder / "inv/keys/a"


def test_an_inventory_of_a_thousand_hosts_takes_a_moment(write: Write) -> None:
    """As CPU time, which does not depend on who else is busy: about 0.2 s where it was measured."""
    lines = ["[web]"]
    lines += [f"web{n} ansible_host=10.0.{n // 256}.{n % 256} ansible_user=deploy rack=r{n % 9}" for n in range(1000)]
    text = "\n".join([*lines, "[prod:children]", "web", "[prod:vars]", "ansible_port=22", "tls=True"])
    folder = write({"hosts": text, "group_vars/prod.yml": "remediate: {php: php8.3}\n"})
    begun = process_time()
    assert len(select(folder, "prod,&web*", "hosts")) == 1000
    assert process_time() - begun < 5
