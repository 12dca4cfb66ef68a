"""The hosts that a pattern selects, in one inventory and in several."""

import pickle
import shutil
from pathlib import Path

import pytest

from remediate.inventory.selection import Inventory, discover
from support.inventories import FLEET, Write, names, refusal, select

# --- selecting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("web1", "web1"),
        ("db1,web1", "web1 db1"),
        ("web,web1,web*", "web1 web2 web10"),
        (" web , !web2 ", "web1 web10"),
        ("!web2,web", "web1 web10"),
        ("web?", "web1 web2"),
        ("web[12]", "web1 web2"),
        ("*", "web1 web2 web10 db1 db2 solo clash apart"),
        ("all", "web1 web2 web10 db1 db2 solo clash apart"),
        ("ungrouped", "clash apart"),
        ("a*", "apart"),
        ("every*", "web1 web2 web10 db1 db2"),
        ("everything,!db*", "web1 web2 web10"),
        ("web,!empty", "web1 web2 web10"),
        ("solo", "solo"),
        ("everything,&web", "web1 web2 web10"),
        ("&web,!web2,everything", "web1 web10"),
        ("web,db,&db*,&everything", "db1 db2"),
        ("d[b:b]1", "db1"),
        ("web[1:2:1]", "web1 web2"),
        ("web[1:2:1],solo,!web[2:2:1]", "web1 solo"),
    ],
)
def test_select(write: Write, pattern: str, expected: str) -> None:
    assert names(select(write({"i.yml": FLEET}), pattern)) == expected


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("", "no host is named; hosts: web1, web2,"),
        ("  ", "no host is named"),
        (",", "empty name between its commas"),
        ("web1,", "empty name between its commas"),
        ("wbe1", "no host or group is called 'wbe1'; did you mean web1"),
        ("web1,nope", "is called 'nope'; hosts: "),
        ("web,!dbb", "'dbb'"),
        ("empty", "the group 'empty' has no hosts"),
        ("web,empty", "the group 'empty' has no hosts"),
        ("zz*", "matches no host and no group; hosts:"),
        ("emp*", "the group 'emp*' has no hosts"),
        ("web,!zz*", "matches no host"),
        ("!web", "only takes hosts away"),
        ("!web,!db", "only takes hosts away"),
        ("web,!all", "leaves no host"),
        ("!", "only takes hosts away"),
        ("web,!", "is not supported"),
        ("web,!!web1", "is not supported"),
        ("web,&db", "leaves no host"),
        ("web,&empty", "leaves no host"),
        ("web,&nope", "'nope'"),
        ("&web", "only takes hosts away"),
        ("web,&", "is not supported"),
        ("web:!db", "separate the names by commas, not by colons"),
        ("web:&db", "separate the names by commas"),
        ("~web.*", "is not supported"),
        ("web[1:2]", "means hosts by their names here (web1, web2), and by their position in 'web'"),
        ("web[1]", "means hosts by their names here (web1), and by their position"),
        ("web[-1]", "by their position in 'web' for Ansible: write their names"),
        ("db[0:]", "by their position in 'db'"),
        ("web[1-2]", "means hosts by their names here (web1, web2), and by their position in 'web'"),
        ("web*[0]", "means hosts by their names here (web10), and by their position in 'web*'"),
        ("web1[0]", "means hosts by their names here (web10), and by their position in 'web1'"),
        ("a[0:0]" + "[0:0]" * 1500, "is too long: a term has at most 250 characters"),
        ("web[01:03]", "names hosts that do not exist (web01, web02, web03)"),
        ("web[1:2:0]", "a host range is [begin:end] or [begin:end:step]"),
        ("x[9:1]", "begins after its end"),
        ("x[1:99999999]", "stands for more than"),
        ("clash", "is a host and a group of other hosts"),
        ("web1\nweb2", "'web1\\nweb2'"),
        ("web1;reboot", "no host or group is called"),
        ("\x1b]52;c;x\x07", "\\x1b]52"),
    ],
)
def test_what_selects_nothing_is_an_error(write: Write, pattern: str, told: str) -> None:
    folder = write({"i.yml": FLEET})
    assert told in refusal(lambda: select(folder, pattern))


def test_production_and_others_are_not_selected_together(write: Write) -> None:
    text = """
prod: {hosts: {p1: , p2: }}
stage: {hosts: {s1: }, vars: {remediate: {production: false}}}
"""
    folder = write({"i.yml": text})
    assert "production hosts (p1, p2) and others (s1)" in refusal(lambda: select(folder, "*"))
    assert names(select(folder, "prod")) == "p1 p2"
    assert names(select(folder, "stage")) == "s1"


# --- several inventories ---------------------------------------------------------------------------------------------


def test_the_same_host_in_two_files_must_be_identical(write: Write) -> None:
    folder = write(
        {
            "a.yml": "all: {hosts: {h: {ansible_port: 5}, only_a: , differs: {ansible_port: 1}}}",
            "b.yml": "all: {hosts: {h: {ansible_port: 5}, only_b: , differs: {ansible_port: 2}}}",
        }
    )
    assert names(select(folder, "h,only_b,only_a", "a.yml", "b.yml")) == "h only_a only_b"
    message = refusal(lambda: select(folder, "all", "a.yml", "b.yml"))
    assert f"{folder}/a.yml and {folder}/b.yml both name the host 'differs', and differ in its ssh" in message
    assert names(select(folder, "all", "a.yml", "a.yml")) == "h only_a differs"


def test_a_broken_file_matters_only_to_those_who_need_it(write: Write) -> None:
    folder = write({"prod.yml": "prod: {hosts: {p1: }}", "stage.yml": "stage: {hosts: {s1: }\n"})
    inventory = Inventory.load([folder / "prod.yml", folder / "stage.yml"])
    assert names(inventory.select("prod")) == "p1"
    assert names(inventory.select("p1")) == "p1"
    (warning,) = inventory.warnings
    assert warning.startswith(f"{folder}/stage.yml:1: is not valid YAML")
    assert warning.isprintable()
    assert warning in refusal(lambda: inventory.select("s1"))
    assert warning in refusal(lambda: inventory.select("p1,!stage"))
    assert warning in refusal(lambda: select(folder, "p1", "stage.yml"))


def test_no_inventory_at_all() -> None:
    assert "there is no inventory" in refusal(lambda: Inventory.load([]))


def test_discover(write: Write, tmp_path: Path) -> None:
    assert discover(tmp_path) == ()
    folder = write(
        dict.fromkeys(
            [
                "inventories/prod.yml",
                "inventories/b.yaml",
                "inventories/prod.yml.example",
                "inventories/.hidden.yml",
                "inventories/hosts.ini",
                "inventories/folder.yml/x",
                "inventories/production/hosts",
                "inventories/hosts",
                "inventories/README",
                "inventories/README.md",
                "inventories/aws.py",
                "inventories/group_vars/all.yml",
                "inventories/host_vars/web1.yml",
            ],
            "",
        )
    )
    found = [path.name for path in discover(folder)]
    assert found == ["b.yaml", "hosts", "hosts.ini", "prod.yml", "production"]


def test_values_are_frozen_and_picklable(write: Write) -> None:
    deep = "{a: " * 60 + "1" + "}" * 60
    folder = write({"i.yml": f"all: {{vars: {{deep: {deep}}}, hosts: {{h: {{remediate: {{redis: {{port: 1}}}}}}}}}}"})
    inventory = Inventory.load([folder / "i.yml"])
    again = pickle.loads(pickle.dumps(inventory))  # noqa: S301
    assert again == inventory
    assert again.select("h") == inventory.select("h")
    assert pickle.loads(pickle.dumps(inventory.select("h"))) == inventory.select("h")  # noqa: S301
    with pytest.raises(AttributeError):
        inventory.sources = ()  # type: ignore[misc]


def test_the_example_holds(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "inventories/prod.yml.example", tmp_path / "i.yml")
    hosts = select(tmp_path, "prod")
    assert names(hosts) == "web01.example.com web02.example.com web03.example.com web04.example.com"
    assert all(host.settings.production and host.ssh.jumps for host in hosts)
    assert (hosts[3].settings.redis, hosts[3].settings.php, hosts[3].ssh.port) == (None, "php8.4", 2222)
