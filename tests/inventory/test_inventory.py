import json
import os
import pickle
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AnyHttpUrl, ValidationError

from remediate.core.host import Database, Host, Redis, Settings, SshTarget
from remediate.errors import ConfigurationError
from remediate.inventory import ansible_yaml
from remediate.inventory.ansible_groups import expand_range
from remediate.inventory.ansible_settings import read_settings
from remediate.inventory.ansible_values import Leaf, Listing, MappingEntry, Sealed, SourceLocation, Tree, Value
from remediate.inventory.ansible_vars import merge
from remediate.inventory.ansible_yaml import parse
from remediate.inventory.selection import Inventory, discover

HERE = SourceLocation(Path("x.yml"), 1)
CANARY = "hunter2"
PIN = f"SHA256:{'A' * 43}"
HOST = "all:\n  hosts:\n    web1:\n      "

Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def files(contents: Mapping[str, str]) -> Path:
        for name, text in contents.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return files


def refusal(action: Callable[[], object]) -> str:
    """The message of the ConfigurationError that `action` raises: always one printable line without a secret."""
    with pytest.raises(ConfigurationError) as caught:
        action()
    message = str(caught.value)
    assert message.isprintable()
    assert message
    assert CANARY not in message
    assert "pydantic" not in message
    return message


def select(folder: Path, pattern: str = "all", *names: str) -> tuple[Host, ...]:
    return Inventory.load([folder / name for name in names or ("i.yml",)]).select(pattern)


def names(hosts: tuple[Host, ...]) -> str:
    return " ".join(host.name for host in hosts)


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
    (host,) = select(folder, "h")
    assert host.ssh.user == "main"
    assert "host_vars/other.yml:1: " in refusal(lambda: select(folder, "other"))


# --- ssh -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "target"),
    [
        ("{}", SshTarget(address="web1")),
        ("{ansible_host: 192.0.2.1, ansible_port: '22'}", SshTarget(address="192.0.2.1", port=22)),
        ("{ansible_host: '::1'}", SshTarget(address="::1")),
        ("{ansible_host: a, ansible_ssh_host: b, ansible_ssh_port: 5}", SshTarget(address="b", port=5)),
        ("{ansible_host: null, ansible_user: null, ansible_ssh_common_args: ''}", SshTarget(address="web1")),
        ("{ansible_connection: ssh, ansible_host: !unsafe x}", SshTarget(address="x")),
        ("{ansible_connection: ansible.builtin.ssh, ansible_host_key_checking: true}", SshTarget(address="web1")),
        (f"{{remediate: {{host_key: '{PIN}'}}}}", SshTarget(address="web1", host_key=PIN)),
        ("{ansible_ssh_private_key_file: /k}", SshTarget(address="web1", key_file=Path("/k"))),
    ],
)  # fmt: skip
def test_ssh_target(write: Write, variables: str, target: SshTarget) -> None:
    (host,) = select(write({"i.yml": f"all: {{hosts: {{web1: {variables}}}}}"}))
    assert host.ssh == target


@pytest.mark.parametrize(
    ("arguments", "jumps"),
    [
        ("-J bastion", ("bastion",)),
        ("-Jana@a.example.com:2222,b", ("ana@a.example.com:2222", "b")),
        ("-o ProxyJump=a,b", ("a", "b")),
        ("-oproxyjump=a", ("a",)),
        ('-o "ProxyJump a"', ("a",)),
        ("-o 'ProxyJump = a' -J a", ("a",)),
        ("-J ssh://ana@a:22", ("ana@a:22",)),
        ("-J [2001:db8::1]:22", ("[2001:db8::1]:22",)),
        ("-C -4 -q -o ControlMaster=auto -o ControlPersist=60s -oServerAliveInterval=5", ()),
        ("-o StrictHostKeyChecking=yes -o ConnectTimeout=5", ()),
    ],
)
@pytest.mark.parametrize("variable", ["ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"])
def test_jump_hosts(write: Write, arguments: str, jumps: tuple[str, ...], variable: str) -> None:
    (host,) = select(write({"i.yml": yaml.safe_dump({"all": {"hosts": {"web1": {variable: arguments}}}})}))
    assert host.ssh.jumps == jumps


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ("ansible_ssh_common_args: -o StrictHostKeyChecking=no", "always verified"),
        ("ansible_ssh_common_args: -oStrictHostKeyChecking=accept-new", "always verified"),
        ("ansible_ssh_extra_args: -o 'stricthostkeychecking off'", "always verified"),
        ("ansible_ssh_args: -o UserKnownHostsFile=/dev/null", "UserKnownHostsFile is refused: host keys are always"),
        ("ansible_ssh_common_args: -o ProxyCommand='ssh -W %h:%p b'", "ProxyCommand is refused"),
        ("ansible_host_key_checking: false", "always verified"),
        ("ansible_ssh_host_key_checking: 'no'", "always verified"),
        ("ansible_ssh_common_args: -i /key", "use ansible_ssh_private_key_file"),
        ("ansible_ssh_common_args: -p 22", "use ansible_port"),
        ("ansible_ssh_common_args: -o LocalForward=1", "only ProxyJump"),
        ("ansible_ssh_common_args: -o", "lacks"),
        ("ansible_ssh_common_args: -J", "lacks"),
        ("ansible_ssh_common_args: -o ProxyJump=", "lacks"),
        ("ansible_ssh_common_args: -J none", "ProxyJump must be"),
        ("ansible_ssh_common_args: -J a,,b", "ProxyJump must be"),
        ("ansible_ssh_common_args: -J a:99999", "ProxyJump must be"),
        ("ansible_ssh_common_args: -J -oProxyCommand=x", "ProxyJump must be"),
        ("ansible_ssh_common_args: -J $(x)", "ProxyJump must be"),
        ("ansible_ssh_common_args: -J a -J b", "given twice"),
        ('ansible_ssh_common_args: "\'"', "never closed"),
        ("ansible_ssh_common_args: [-J, a]", "as text and is a list"),
        ("ansible_connection: local", "'web1' is not reached over ssh"),
        ("ansible_connection: docker", "not reached over ssh"),
        ("ansible_connection: 5", "must be text"),
        ("ansible_port: 0", "1 to 65535"),
        ("ansible_port: 65536", "1 to 65535"),
        ("ansible_port: true", "1 to 65535"),
        ("ansible_port: 22.5", "1 to 65535"),
        ("ansible_port: {a: 1}", "1 to 65535"),
        ("ansible_host: -oProxyCommand=x", "neither a host name nor an address"),
        ("ansible_host: 192.0.2.1:22", "neither a host name nor an address"),
        ('ansible_host: "a\\nb"', "neither a host name nor an address"),
        ("ansible_host: ''", "neither a host name nor an address"),
        ("ansible_host: 5", "is a number"),
        ("ansible_user: -x", "not a possible name"),
        ("ansible_user: 'a b'", "not a possible name"),
        ("ansible_ssh_private_key_file: ~nobody-by-this-name/k", "without a home"),
        ('ansible_ssh_private_key_file: "a\\0b"', "not a possible file name"),
        ("ansible_ssh_private_key_file: ''", "not a possible file name"),
    ],
)
def test_refused_connections_say_why_and_where(write: Write, variables: str, told: str) -> None:
    folder = write({"i.yml": HOST + variables})
    message = refusal(lambda: select(folder))
    assert told in message
    assert message.startswith(f"{folder}/i.yml:4: all.hosts.web1.{variables.partition(':')[0]}: ")


def test_a_name_that_is_no_address_needs_one(write: Write) -> None:
    folder = write({"i.yml": "all: {hosts: {web@1: , ok@2: {ansible_host: x}}}"})
    assert "needs ansible_host" in refusal(lambda: select(folder, "web@1"))
    assert select(folder, "ok@2")[0].ssh.address == "x"


def test_files_are_beside_the_inventory_or_at_home(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.chdir(write({"sub/i.yml": "all: {hosts: {a: , b: {ansible_ssh_private_key_file: ~/.ssh/k}}}"}))
    write(
        {
            "sub/group_vars/all.yml": "ansible_ssh_private_key_file: keys/k\nremediate: {site_ca: ca.pem}",
            "sub/host_vars/b.yml": "remediate: {site_ca: ~/ca.pem}",
        }
    )
    a, b = Inventory.load([Path("sub/i.yml")]).select("all")
    assert (a.ssh.key_file, b.ssh.key_file) == (tmp_path / "sub/keys/k", Path("/home/ana/.ssh/k"))
    assert (a.settings.site_ca, b.settings.site_ca) == (tmp_path / "sub/ca.pem", Path("/home/ana/ca.pem"))


# --- settings and their errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "path", "told"),
    [
        ("{nginx_units: x}", ".nginx_units", "unknown key; did you mean nginx_unit? accepted: app_path, app_servers, "),
        ("{redis_password: hunter2}", ".redis_password", "unknown key; accepted: app_path"),
        ("{nginx_unit: [hunter2]}", ".nginx_unit", "must be text and is a list"),
        (
            "{database: {prot: 1, port: 2}}",
            ".database.prot",
            "did you mean port? accepted: host, limits, port, unit, user",
        ),
        (
            "{database: {prot: 1}}",
            ".database.prot",
            "did you mean port? accepted: host, limits, port, unit, user",
        ),
        ("{database: {port: 99999}}", ".database.port", "is too large"),
        ("{database: {port: hunter2}}", ".database.port", "must be a whole number and is text"),
        ("{database: [1]}", ".database", "must be a mapping and is a list"),
        ("{php: 8.3}", ".php", "must be text and is a number; put it in quotes"),
        ("{php: hunter2}", ".php", "does not have the right form; PHP's name, for example php8.3"),
        ("{app_path: hunter2}", ".app_path", "must be an absolute path"),
        ("{log_paths: [/a, 3]}", ".log_paths[1]", "must be text and is a number"),
        ("{log_paths: /a}", ".log_paths", "must be a list and is text"),
        ("{site_vantage: [host, hunter2]}", ".site_vantage[1]", "must be host or controller"),
        ("{site_vantage: []}", ".site_vantage", "must not be empty"),
        ("{site_url: 'ftp://u:hunter2@x/'}", ".site_url", "must be a URL that begins with http"),
        ("{site_url: 'hunter2'}", ".site_url", "must be a URL"),
        (
            "{site_url: 'https://u:hunter2@x/'}",
            ".site_url",
            "must not hold a user or a password before the host's name",
        ),
        ("{site_url: 'https://hunter2@x/'}", ".site_url", "must not hold a user or a password"),
        ("{site_url: 'https://:hunter2@x/'}", ".site_url", "must not hold a user or a password"),
        ("{site_contains: " + "hunter2" * 50 + "}", ".site_contains", "is too long"),
        ("{site_ca: [x]}", ".site_ca", "must be text, a file name"),
        ("{site_ca: ~nobody-by-this-name/ca.pem}", ".site_ca", "without a home"),
        ("{production: maybe}", ".production", "must be true or false"),
        ("{certificate: {name: a, domain: b, renew_within_days: 0}}", ".certificate.renew_within_days", "too small"),
        ("{site_url: 'https://{{ domain }}/'}", ".site_url", "is a template"),
        ("{log_paths: [/a, '{{ hunter2 }}']}", ".log_paths[1]", "is a template"),
        ("{php: !vault 'hunter2'}", ".php", "is tagged !vault"),
        ("!vault hunter2", "", "is tagged !vault"),
        ("'{{ hunter2 }}'", "", "is a template"),
        ("hunter2", "", "must be a mapping and is text"),
        ("[hunter2]", "", "must be a mapping and is a list"),
        ("false", "", "must be a mapping and is a truth value"),
    ],
)
def test_wrong_settings_name_file_path_and_what_is_accepted(write: Write, value: str, path: str, told: str) -> None:
    folder = write({"i.yml": f"{HOST}remediate: {value}"})
    message = refusal(lambda: select(folder))
    assert message.startswith(f"{folder}/i.yml:4: all.hosts.web1.remediate{path}: ")
    assert told in message


def test_a_service_needs_no_port_typed(write: Write) -> None:
    folder = write({"i.yml": HOST + "remediate: {php: php8.3, database: {unit: mariadb}, redis: {unit: redis}}"})
    (host,) = select(folder)
    assert host.settings.database == Database(unit="mariadb", port=3306)
    assert host.settings.redis == Redis(unit="redis", port=6379)


def test_a_merged_mistake_names_the_file_that_made_it(write: Write) -> None:
    folder = write(
        {
            "i.yml": HOST + "remediate: {php: php8.3, database: {unit: x}}",
            "group_vars/all/app.yml": "---\nremediate:\n  redis:\n    prt: 1\n    port: 1\n",
        }
    )
    assert f"{folder}/group_vars/all/app.yml:4: remediate.redis.prt: unknown key" in refusal(lambda: select(folder))


def test_what_is_not_needed_may_be_a_template_or_sealed(write: Write) -> None:
    text = """
all:
  vars:
    db_password: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      6162
    greeting: "{{ lookup('env', 'HOME') }}"
    odd: !reference [a, {b: c}]
    when: 2024-02-30
    80: number
    remediate: {site_url: "{{ overridden }}", php: !vault overridden}
  hosts:
    web1: {remediate: {site_url: "https://x/", php: php8.3}}
"""
    (host,) = select(write({"i.yml": text}))
    assert host.settings == Settings(site_url=AnyHttpUrl("https://x/"), php="php8.3")


def test_a_broken_entry_concerns_only_its_host(write: Write) -> None:
    text = "all: {hosts: {web1: , stage: {remediate: {nope: 1}}, local: {ansible_connection: local}}}"
    folder = write({"i.yml": text})
    assert names(select(folder, "all,!stage,!local")) == "web1"
    assert "nope" in refusal(lambda: select(folder, "stage"))


# --- selecting -------------------------------------------------------------------------------------------------------

FLEET = """
all:
  children:
    web: {hosts: {web1: , web2: , web10: }}
    db: {hosts: {db1: , db2: }}
    everything: {children: {web: , db: }}
    empty:
    solo: {hosts: {solo: }}
    clash: {hosts: {web1: , db1: }}
  hosts: {clash: , apart: }
"""


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
        ("web1,nope", "'nope'"),
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
        ("web,&db", "is not supported"),
        ("~web.*", "is not supported"),
        ("web[1:2]", "ranges are for inventories"),
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
                "inventories/group_vars/all.yml",
                "inventories/host_vars/web1.yml",
            ],
            "",
        )
    )
    assert discover(folder) == (folder / "inventories/b.yaml", folder / "inventories/prod.yml")


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


# --- files that are no inventory -------------------------------------------------------------------------------------


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
        ("plugin: aws_ec2\n", 1, "inventory plugins are not supported"),
        ("[web]\nweb1\n", 1, "INI inventories are not supported yet; convert it with: ansible-inventory"),
        ("# c\n[web:vars]\nx=1\n", 1, "INI inventories"),
        ("web1 ansible_host=192.0.2.1\n", 1, "INI inventories"),
        ("#!/bin/sh\necho '{}'\n", 1, "executable inventories are not supported yet"),
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
    assert "folder:1: is a directory" in refusal(lambda: select(tmp_path, "all", "folder"))
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


def test_an_executable_is_not_run(write: Write) -> None:
    folder = write({"hosts": "all: {hosts: {a: }}", "i.yml": "all: {hosts: {a: }}"})
    for name in ("hosts", "i.yml"):
        (folder / name).chmod(stat.S_IRWXU)
    assert "executable inventories" in refusal(lambda: select(folder, "all", "hosts"))
    assert names(select(folder)) == "a"  # a file system without modes calls every file executable


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
    with pytest.raises(ValidationError):
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


# --- properties ------------------------------------------------------------------------------------------------------

leaves: st.SearchStrategy[Value] = st.one_of(st.none(), st.integers(0, 3), st.text("ab", max_size=2)).map(
    lambda value: Leaf(value, HERE)
)


def _tree(children: dict[str, Value]) -> Value:
    return Tree(tuple(MappingEntry(key, value, HERE) for key, value in children.items()), HERE)


sealed: st.SearchStrategy[Value] = st.just(Sealed("!vault", HERE))
listings: st.SearchStrategy[Value] = st.lists(leaves, max_size=2).map(lambda items: Listing(tuple(items), HERE))
values: st.SearchStrategy[Value] = st.recursive(
    leaves | sealed | listings,
    lambda children: st.dictionaries(st.sampled_from("abc"), children, max_size=3).map(_tree),
    max_leaves=8,
)


def _comparable(value: Value) -> object:
    match value:
        case Tree():
            return {entry.key: _comparable(entry.value) for entry in value.entries}
        case Listing():
            return [_comparable(item) for item in value.items]
        case Leaf():
            return (type(value.value), value.value)
        case Sealed():
            return value.tag


@given(values, values, values)
def test_merging_is_associative(a: Value, b: Value, c: Value) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(values, values)
def test_merging_keeps_what_the_upper_layer_says(a: Value, b: Value) -> None:
    merged = merge(a, b)
    if not isinstance(b, Tree):
        assert merged == b
        return
    assert isinstance(merged, Tree)
    for entry in b.entries:
        value = merged.get(entry.key)
        assert value is not None
        if not isinstance(entry.value, Tree):
            assert value == entry.value
    assert _comparable(merge(b, b)) == _comparable(b)
    assert _comparable(merge(Tree((), HERE), b)) == _comparable(b)


@given(values)
def test_settings_from_any_value_are_settings_or_one_line(value: Value) -> None:
    try:
        read_settings(value, Path("/"))
    except ConfigurationError as error:
        message = str(error)
    else:
        return
    assert message.isprintable()


KEYS: tuple[str, ...] = (
    "all",
    "hosts",
    "children",
    "vars",
    "web",
    "h1",
    "remediate",
    "database",
    "port",
    "site_url",
    "site_ca",
)
KEYS += ("ansible_host", "ansible_port", "ansible_ssh_common_args", "ansible_connection", "ansible_group_priority")
keys = st.sampled_from(KEYS) | st.text(max_size=6)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates(), st.binary(max_size=4)
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=25,
)
sections = {"hosts": st.dictionaries(keys, documents, max_size=3), "vars": documents}
inventories = st.fixed_dictionaries({"all": st.fixed_dictionaries({}, optional=sections)})


def _one_line_or_hosts(file: Path, pattern: str) -> None:
    hosts: tuple[Host, ...] = ()
    message = ""
    try:
        hosts = Inventory.load([file]).select(pattern)
    except ConfigurationError as error:
        message = str(error)
    assert message.isprintable()
    assert len(message) < 3000
    assert bool(hosts) != bool(message)
    assert len({host.name for host in hosts}) == len(hosts)


@settings(deadline=None)
@given(document=documents | inventories, pattern=st.sampled_from(["all", "*", "h1", "web"]))
def test_any_yaml_is_an_inventory_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, document: object, pattern: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    _one_line_or_hosts(file, pattern)


@settings(deadline=None)
@given(data=st.binary(max_size=60) | st.text("ab:{}[]&*!|>-'\"#\n\t <%,?", max_size=40).map(str.encode))
def test_any_bytes_are_an_inventory_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "bytes.yml"
    file.write_bytes(data)
    _one_line_or_hosts(file, "all")


@given(pattern=st.text(max_size=20) | st.text("web12*?[]!,db- ", max_size=12))
def test_any_pattern_selects_hosts_or_is_one_line(tmp_path_factory: pytest.TempPathFactory, pattern: str) -> None:
    file = tmp_path_factory.getbasetemp() / "fleet.yml"
    if not file.exists():
        file.write_text(FLEET)
    _one_line_or_hosts(file, pattern)


@given(arguments=st.text("-oJ=ProxyJump ab,@:'\"", max_size=30))
def test_any_ssh_arguments_are_jumps_or_one_line(tmp_path_factory: pytest.TempPathFactory, arguments: str) -> None:
    file = tmp_path_factory.getbasetemp() / "arguments.yml"
    file.write_text(yaml.safe_dump({"all": {"hosts": {"h": {"ansible_ssh_common_args": arguments}}}}))
    _one_line_or_hosts(file, "h")
