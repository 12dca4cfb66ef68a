"""Ansible's programs: run in the marked project only, their secrets kept, their failures one line."""

import os
import signal
from pathlib import Path

import pytest

from remediate.core.host import Host
from remediate.inventory import ansible_program
from remediate.inventory.selection import Inventory
from support.inventories import CANARY, Write, names, refusal
from support.paper_hosts import until
from support.stubs import stub

SEALED = "ansible_user: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3433\n"
INVENTORY = "web: {hosts: {web1: , web2: }}\n"


@pytest.fixture
def programs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs, before all others."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def select(folder: Path, pattern: str = "web1", file: str = "i.yml", project: Path | None = None) -> tuple[Host, ...]:
    return Inventory.load([folder / file], project or folder).select(pattern)


def test_a_script_is_read_with_the_vars_files_beside_it(write: Write, programs: Path) -> None:
    """The program is called from the project, without files of variables: those are read and merged here."""
    folder = write(
        {
            "inventories/cloud": "#!/bin/false\n",
            "inventories/group_vars/web.yml": "remediate: {php: php8.3}\n",
            "inventories/host_vars/web1.yml": "remediate: {app_user: shop}\n",
        }
    )
    said = '{"web": {"hosts": ["web1"], "vars": {"ansible_user": "ana", "remediate": {"nginx_unit": "n"}}},'
    said += ' "_meta": {"hostvars": {"web1": {"ansible_host": "192.0.2.1"}}}, "all": {"children": ["web"]}}'
    stub(programs / "ansible-inventory", f"echo \"$PWD $* $ANSIBLE_VARS_ENABLED.\" >{programs}/called; echo '{said}'")
    (host,) = select(folder, file="inventories/cloud")
    called = f"{folder} -i {folder}/inventories/cloud --list --export .\n"
    assert (programs / "called").read_text() == called
    assert (host.ssh.address, host.ssh.user, host.groups) == ("192.0.2.1", "ana", ("all", "web"))
    assert (host.settings.nginx_unit, host.settings.php, host.settings.app_user) == ("n", "php8.3", "shop")
    assert host.read_with == ("ansible-inventory",)
    assert host.secrets == ()


def test_the_name_that_a_program_prints_is_one_host(write: Write, programs: Path) -> None:
    """Ansible has expanded ranges by then. A name that still looks like one must not become other hosts."""
    folder = write({"cloud": "#!/bin/false\n"})
    stub(programs / "ansible-inventory", 'echo \'{"web": {"hosts": ["w[1:3]", "web1:22", "web1"]}}\'')
    inventory = Inventory.load([folder / "cloud"], folder)
    assert inventory.host_names == ("web1:22", "web1")
    assert "'w[1:3]' is not a possible name for a host; ignored" in " ".join(inventory.warnings)


def test_a_talkative_configuration_does_not_spoil_the_listing(
    write: Write, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ansible writes its messages to standard output, too: `verbosity = 1` in an ansible.cfg is enough."""
    monkeypatch.setenv("ANSIBLE_VERBOSITY", "1")
    folder = write({"cloud": "#!/bin/false\n"})
    talk = 'test "$ANSIBLE_VERBOSITY" = 0 || echo Using ansible.cfg'
    stub(programs / "ansible-inventory", f'{talk}; echo \'{{"web": {{"hosts": ["web1"]}}}}\'')
    assert names(select(folder, file="cloud")) == "web1"


def test_nothing_runs_outside_of_the_project(write: Write, programs: Path) -> None:
    folder = write({"mine/x": "", "cloud": f"#!/bin/sh\ntouch {programs}/ran\n", "i.yml": INVENTORY})
    (folder / "group_vars").mkdir()
    (folder / "group_vars/web.yml").write_text(SEALED)
    (folder / "mine/link").symlink_to(folder / "cloud")
    for name in ("ansible-inventory", "ansible-vault"):
        stub(programs / name, f"touch {programs}/ran")
    for file in ("cloud", "mine/link"):
        assert "only for an inventory inside a marked project" in refusal(
            lambda file=file: select(folder, file=file, project=folder / "mine")  # type: ignore[misc]
        )
        assert "only for" in refusal(lambda file=file: Inventory.load([folder / file]).select("web1"))  # type: ignore[misc]
    assert "is tagged !vault, and remediate needs its value" in refusal(lambda: select(folder, project=folder / "mine"))
    (folder / "mine/all").mkdir()
    (folder / "mine/all/a").write_text("#!/bin/sh\n")
    (folder / "mine/all/b").symlink_to(folder / "cloud")
    assert "all/b:1: is an executable inventory" in refusal(
        lambda: select(folder, file="mine/all", project=folder / "mine")
    )
    assert not (programs / "ran").exists()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (f"echo {CANARY} >&2; exit 4", "ansible-inventory ended with 4: run ansible-inventory in"),
        (f"echo {CANARY}", "ansible-inventory printed no JSON"),
        ("echo '[]'", "ansible-inventory printed a list and no groups"),
        ("yes '[' | head -100000", "printed no JSON"),
        ("exec sleep 60", "ansible-inventory gave no answer within 1 s"),
    ],
)
def test_a_program_that_fails_is_one_line(
    write: Write, programs: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str
) -> None:
    if "sleep" in script:  # The others may take their time on a busy machine.
        monkeypatch.setattr(ansible_program, "SECONDS", 1)
    folder = write({"cloud": "#!/bin/sh\n"})
    stub(programs / "ansible-inventory", script)
    message = refusal(lambda: select(folder, file="cloud"))
    assert message.startswith(f"{folder}/cloud:1: ")
    assert told in message


def test_a_program_that_is_missing_is_one_line(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    folder = write({"cloud": "#!/bin/sh\n", "i.yml": INVENTORY, "group_vars/web.yml": SEALED})
    assert "cloud:1: is an executable inventory; ansible-inventory is not installed: install ansible-core" in refusal(
        lambda: select(folder, file="cloud")
    )
    message = refusal(lambda: select(folder))
    assert "group_vars/web.yml:1: ansible_user: is encrypted (!vault), and remediate needs its value;" in message
    assert "ansible-vault is not installed" in message


def test_ctrl_c_ends_the_program_and_its_children(
    write: Write, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write({"cloud": "#!/bin/sh\n"})
    stub(programs / "ansible-inventory", f"sleep 300 & echo $! >{programs}/child; sleep 1; kill -INT $PPID; wait")
    with pytest.raises(KeyboardInterrupt):
        select(folder, file="cloud")
    child = int((programs / "child").read_text())
    for _ in until("the child is ended"):
        if not _runs(child):
            break
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_needed_value_is_decrypted_once_and_kept_as_a_secret(write: Write, programs: Path) -> None:
    folder = write({"i.yml": INVENTORY, "group_vars/web.yml": SEALED + "other: !vault |\n  $ANSIBLE_VAULT;x\n"})
    stub(programs / "ansible-vault", f"cat >>{programs}/given; echo $* >>{programs}/called; printf {CANARY}")
    hosts = select(folder, "web")
    assert names(hosts) == "web1 web2"
    assert {host.ssh.user for host in hosts} == {CANARY}
    assert (programs / "called").read_text() == "decrypt --output -\n"
    assert (programs / "given").read_text() == "$ANSIBLE_VAULT;1.1;AES256\n3433\n"
    assert all(host.secrets == (CANARY,) and host.read_with == ("ansible-vault",) for host in hosts)
    assert CANARY not in hosts[0].model_dump_json(exclude={"ssh"})


def test_an_encrypted_address_is_not_shown(write: Write, programs: Path) -> None:
    folder = write({"i.yml": INVENTORY, "host_vars/web1.yml": SEALED.replace("ansible_user", "ansible_host")})
    stub(programs / "ansible-vault", "printf 192.0.2.77")
    clear, *_ = select(folder, "web2")
    (host,) = select(folder)
    assert (host.ssh.address, host.shown_address) == ("192.0.2.77", "encrypted")
    assert (clear.shown_address, clear.read_with) == ("web2", ())


def test_what_cannot_be_masked_is_refused(write: Write, programs: Path) -> None:
    folder = write({"i.yml": INVENTORY, "group_vars/web.yml": SEALED})
    stub(programs / "ansible-vault", "printf ana")
    assert "less than 4 characters, too few to be masked in output: write it in the clear" in refusal(
        lambda: select(folder)
    )


@pytest.mark.parametrize("name", ["ansible_ssh_common_args", "remediate"])
def test_what_is_more_than_one_value_stays_an_error(write: Write, programs: Path, name: str) -> None:
    """Parts of it would be shown, and only the whole is masked."""
    folder = write({"i.yml": INVENTORY, "group_vars/web.yml": SEALED.replace("ansible_user", name)})
    stub(programs / "ansible-vault", f"touch {programs}/ran")
    assert "is tagged !vault, and remediate needs its value: write it in the clear" in refusal(lambda: select(folder))
    assert not (programs / "ran").exists()


def test_a_host_of_two_inventories_keeps_both_ones_secrets(write: Write, programs: Path) -> None:
    folder = write(
        {
            "a/hosts": "web1 ansible_user=hunter2\n",
            "b/hosts": "web1\n",
            "b/host_vars/web1.yml": SEALED,
        }
    )
    stub(programs / "ansible-vault", f"printf {CANARY}")
    (host,) = Inventory.load([folder / "a", folder / "b"], folder).select("web1")
    assert host.secrets == (CANARY,)
