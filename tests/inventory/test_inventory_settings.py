"""A host's ssh target and its settings, with errors that name the place."""

from pathlib import Path

import pytest
import yaml
from pydantic import AnyHttpUrl

from remediate.core.host import Settings, SshTarget
from remediate.core.services import Database, Redis
from remediate.inventory.selection import Inventory
from support.inventories import HOST, Write, names, refusal, select

PIN = f"SHA256:{'A' * 43}"


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
        ("ansible_ssh_private_key_file: ~nobody-by-this-name/k", "who has no home"),
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
        ("{database: {port: 99999}}", ".database.port", "must be at most 65535"),
        ("{database: {port: hunter2}}", ".database.port", "must be a whole number and is text"),
        ("{database: [1]}", ".database", "must be a mapping and is a list"),
        ("{php: 8.3}", ".php", "must be text and is a number; put it in quotes"),
        ("{php: hunter2}", ".php", "takes php and its version in one word, as php8.3; PHP's name, for example php8.3"),
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
        ("{site_contains: " + "hunter2" * 50 + "}", ".site_contains", "must have at most 200 characters"),
        ("{site_ca: [x]}", ".site_ca", "must be text, a file name"),
        ("{site_ca: ~nobody-by-this-name/ca.pem}", ".site_ca", "who has no home"),
        ("{production: maybe}", ".production", "must be true or false"),
        (
            "{certificate: {name: a, domain: b, renew_within_days: 0}}",
            ".certificate.renew_within_days",
            "must be at least 1",
        ),
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
