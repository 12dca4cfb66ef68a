"""Inventories as Ansible reads them: groups, ranges, and what overrides what."""

import json

import pytest
import yaml

from remediate.core.host import Settings, SshTarget
from remediate.core.services import Database, Redis
from remediate.inventory.ansible_ranges import expand_range
from remediate.inventory.selection import Inventory
from support.inventories import HERE, Write, refusal, select

# --- groups, hosts and ranges ----------------------------------------------------------------------------------------


NESTED = """
all:
  vars: {ansible_user: everyone}
  children:
    prod:
      children:
        web: {hosts: {'web[01:03].example.com': , web01.example.com: {ansible_port: 2222}}}
        db: {hosts: {'db[a:c]': {}}}
    spare:
    web: {vars: {ansible_user: web}}
  hosts: {lonely: }
"""


def test_groups_hosts_and_ranges_nest_as_in_ansible(write: Write) -> None:
    inventory = Inventory.load([write({"i.yml": NESTED}) / "i.yml"])
    hosts = {host.name: host for host in inventory.select("all")}
    assert list(hosts) == [*(f"web0{n}.example.com" for n in (1, 2, 3)), "dba", "dbb", "dbc", "lonely"]
    assert hosts["web01.example.com"].groups == ("all", "prod", "web")
    assert hosts["lonely"].groups == ("all", "ungrouped")
    assert hosts["web01.example.com"].ssh == SshTarget(address="web01.example.com", user="web", port=2222)
    assert hosts["dba"].ssh == SshTarget(address="dba", user="everyone")
    assert inventory.group_names == ("all", "ungrouped", "prod", "web", "db", "spare")
    assert inventory.host_names == tuple(hosts)
    assert inventory.warnings == ()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("plain", "plain"),
        ("web[1:3]", "web1 web2 web3"),
        ("web[01:10:3]", "web01 web04 web07 web10"),
        ("web[:2]", "web0 web1 web2"),
        ("[a:c]x", "ax bx cx"),
        ("n[1:2]m[a:b].x", "n1ma n1mb n2ma n2mb".replace("a ", "a.x ").replace("b ", "b.x ") + ".x"),
        ("10.0.0.[9:11]", "10.0.0.9 10.0.0.10 10.0.0.11"),
        ("w[5:5]", "w5"),
    ],
)
def test_ranges(pattern: str, expected: str) -> None:
    assert " ".join(expand_range(pattern, HERE)) == expected


@pytest.mark.parametrize(
    "pattern",
    ["w[3:1]", "w[c:a]", "w[1:]", "w[:]", "w[01:100]", "w[1:3:0]", "w[1:3:]", "w[x1:x3]", "w[1:99999999999]", "w[a:3]"],
)
def test_bad_ranges_are_one_line(pattern: str) -> None:
    assert "range" in refusal(lambda: list(expand_range(pattern, HERE)))


@pytest.mark.parametrize("pattern", ["w[1:999999999]", "w[1:200]x[1:200]"])
def test_ranges_are_bounded(write: Write, pattern: str) -> None:
    assert "more than" in refusal(lambda: select(write({"i.yml": f"all: {{hosts: {{'{pattern}': }}}}"})))


@pytest.mark.parametrize(
    ("key", "name", "port"),
    [
        ("web1:2222", "web1", 2222),
        ("web[1:1]:22", "web1", 22),
        ("[2001:db8::1]:44", "2001:db8::1", 44),
        ("2001:db8::1", "2001:db8::1", None),
    ],
)
def test_a_port_may_follow_the_name(write: Write, key: str, name: str, port: int | None) -> None:
    (host,) = select(write({"i.yml": f"all: {{hosts: {{'{key}': }}}}"}))
    assert (host.name, host.ssh.address, host.ssh.port) == (name, name, port)


# --- precedence and merging ------------------------------------------------------------------------------------------


LAYERS = {
    "inline-all": ("i", "all", "vars"),
    "inline-parent": ("i", "parent", "vars"),
    "inline-child": ("i", "child", "vars"),
    "group_vars/all.yml": None,
    "group_vars/parent.yaml": None,
    "group_vars/child/10.yml": None,
    "group_vars/child/20": None,
    "inline-host": ("i", "host"),
    "host_vars/h.json": None,
}


@pytest.mark.parametrize("strongest", range(1, len(LAYERS) + 1))
def test_precedence_is_ansibles(write: Write, strongest: int) -> None:
    present = list(LAYERS)[:strongest]

    def user(layer: str) -> dict[str, object]:
        number = list(LAYERS).index(layer)
        remediate = {"app_user": f"u{number}", "log_paths": [f"/{number}"], "database": {"port": 1 + number}}
        return {"ansible_user": f"u{number}", "remediate": remediate} if layer in present else {}

    inventory = {
        "all": {"vars": user("inline-all")},
        "parent": {"children": {"child": None}, "vars": user("inline-parent")},
        "child": {"hosts": {"h": user("inline-host")}, "vars": user("inline-child")},
    }
    files = {name: yaml.safe_dump(user(name)) for name in present if "_vars/" in name}
    files["i.yml"] = json.dumps(inventory)
    (host,) = select(write(files))
    assert host.ssh.user == f"u{strongest - 1}"
    assert host.settings.app_user == f"u{strongest - 1}"
    assert host.settings.log_paths == (f"/{strongest - 1}",)
    assert host.settings.database == Database(port=strongest)


@pytest.mark.parametrize(
    ("priority_of_a", "user"),
    [("1", "b"), ("'2'", "a"), ("0", "b")],
)
def test_groups_of_one_level_go_by_priority_then_alphabet(write: Write, priority_of_a: str, user: str) -> None:
    text = f"""
a: {{hosts: {{h: }}, vars: {{ansible_user: a, ansible_group_priority: {priority_of_a}}}}}
b: {{hosts: {{h: }}, vars: {{ansible_user: b}}}}
"""
    (host,) = select(write({"i.yml": text}))
    assert host.ssh.user == user
    assert host.groups[-1] == user


def test_only_the_settings_are_merged_and_null_takes_away(write: Write) -> None:
    text = """
all:
  vars:
    remediate: {app_user: shop, redis: {unit: redis, port: 1}, database: {unit: mariadb, port: 3306}, php: php8.3}
  children:
    g:
      vars: {remediate: {redis: {port: 2}, database: null, nginx_unit: null}}
      hosts:
        one: {remediate: {redis: {host: r.example.com}}}
        two: {remediate: {database: {port: 5}, php: null}}
        three: {remediate: null}
"""
    one, two, three = select(write({"i.yml": text}))
    assert one.settings == Settings(
        app_user="shop", redis=Redis(unit="redis", host="r.example.com", port=2), php="php8.3"
    )
    assert two.settings == Settings(app_user="shop", redis=Redis(unit="redis", port=2), database=Database(port=5))
    assert three.settings == Settings()


def test_a_group_defined_in_several_places_is_one_group(write: Write) -> None:
    text = """
a: {children: {g: {hosts: {h: {ansible_user: first}}, vars: {ansible_port: 1, remediate: {php: php8.1}}}}}
b: {children: {g: {hosts: {h: {ansible_user: second}}, vars: {ansible_port: 2, remediate: {app_user: x}}}}}
"""
    (host,) = select(write({"i.yml": text}))
    assert host.groups == ("all", "a", "b", "g")
    assert (host.ssh.user, host.ssh.port) == ("second", 2)
    assert (host.settings.php, host.settings.app_user) == ("php8.1", "x")


def test_files_for_other_hosts_hidden_files_and_vaults_are_not_looked_at(write: Write) -> None:
    files = {
        "i.yml": "all: {hosts: {h: , other: }}",
        "host_vars/other.yml": "{broken",
        "host_vars/h/main.yml": "ansible_user: main",
        "host_vars/h/.swp.yml": "{broken",
        "host_vars/h/main.yml~": "{broken",
        "host_vars/h/notes.txt": "{broken",
        "host_vars/h/z.yml": "",
        "host_vars/h.yml": "ansible_user: shadowed-by-the-folder",
        "group_vars/all.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
    }
    folder = write(files)
    lines: list[str] = []
    (host,) = Inventory.load([folder / "i.yml"]).select("h", lines.append)
    assert host.ssh.user == "main"
    assert lines == []
    assert "host_vars/other.yml:1: " in refusal(lambda: select(folder, "other"))


def test_an_encrypted_file_that_may_hold_the_address_of_a_host_is_a_warning(write: Write) -> None:
    """Ansible would go there. With an address in the clear, nothing is said: such files mostly hold passwords."""
    sealed = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
    folder = write(
        {
            "i.yml": "all: {hosts: {h: , k: {ansible_host: 192.0.2.1}, m: }}",
            "host_vars/h/vault.yml": sealed,
            "host_vars/k.yml": sealed,
            "group_vars/all.yml": sealed,
        }
    )
    lines: list[str] = []
    Inventory.load([folder / "i.yml"]).select("all", lines.append)
    text = "is encrypted as a whole and not read: an ansible_host in it does not count for 'h'"
    assert lines == [f"{folder}/host_vars/h/vault.yml:1: {text}"]
