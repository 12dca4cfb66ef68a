"""The generated sudoers file on a real host: exactly enough, and nothing more."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.outcomes import problem

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

FPM = "php8.2-fpm"
RULES = "/etc/sudoers.d/remediate"
JOURNAL = "/usr/bin/journalctl --quiet --no-pager --utc --output=short-iso --lines=8 --unit=php8.2-fpm.service"

ALLOWED = (
    f"/usr/bin/systemctl restart {FPM}.service",
    f"/usr/bin/systemctl reset-failed {FPM}.service",
    "/usr/sbin/nginx -t",
    "/usr/sbin/php-fpm8.2 -t",
    JOURNAL,
)
ESCAPES = (
    "/usr/bin/systemctl restart ssh.service",
    "/usr/bin/systemctl restart systemd-journald.service",
    f"/usr/bin/systemctl restart {FPM}",
    f"/usr/bin/systemctl restart {FPM}.service --force",
    f"/usr/bin/systemctl --force restart {FPM}.service",
    f"/usr/bin/systemctl restart {FPM}.service ssh.service",
    f"/usr/bin/systemctl stop {FPM}.service",
    f"/usr/bin/systemctl status {FPM}.service",
    f"/usr/bin/systemctl edit {FPM}.service",
    f"/usr/bin/systemctl link /tmp/{FPM}.service",
    "/usr/bin/systemctl",
    f"/bin/systemctl restart {FPM}.service x",
    "/usr/sbin/nginx",
    "/usr/sbin/nginx -t -c /tmp/x",
    "/usr/sbin/nginx -c /tmp/x -t",
    "/usr/sbin/nginx -t -g pid=/tmp/x;",
    "/usr/sbin/nginx -s stop",
    "/usr/sbin/php-fpm8.2",
    "/usr/sbin/php-fpm8.2 -t -y /tmp/x",
    "/usr/sbin/php-fpm8.2 -t -d extension=/tmp/x.so",
    JOURNAL.replace(" --no-pager", ""),
    JOURNAL.replace("--lines=8", "--lines=80"),
    JOURNAL.replace("--quiet --no-pager", "--no-pager --quiet"),
    JOURNAL.replace(FPM, "ssh"),
    f"{JOURNAL} --vacuum-size=1",
    f"{JOURNAL} --file=/etc/shadow",
    "/usr/bin/journalctl",
    "/bin/sh -c id",
    "/bin/bash",
    "-s",
    "-i",
    "-u mysql /usr/sbin/nginx -t",
    "PATH=/tmp /usr/sbin/nginx -t",
    "LD_PRELOAD=/tmp/x.so /usr/sbin/nginx -t",
    "-e /etc/shadow",
    "--chdir=/tmp /usr/sbin/nginx -t",
)


def as_forge(staged: "Staged", commands: tuple[str, ...]) -> dict[str, tuple[int, str]]:
    """Try each with `sudo -n` as forge, without a terminal, and return what became of it."""
    program = (
        "import json, subprocess, sys\n"
        "def go(words):\n"
        "    done = subprocess.run(['runuser', '-u', 'forge', '--', 'sudo', '-n', *words.split(' ')],\n"
        "        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace', timeout=30)\n"
        "    return done.returncode, done.stderr\n"
        f"print(json.dumps({{words: go(words) for words in json.loads({json.dumps(json.dumps(commands))})}}))\n"
    )
    return {
        words: (code, said) for words, (code, said) in json.loads(staged.sh(f"python3 - <<'PY'\n{program}PY")).items()
    }


@pytest.mark.parametrize("spoil", [f"rm {RULES}", f"sed -i 's/NOPASSWD: //' {RULES}"], ids=["missing", "asks"])
def test_without_its_rules_nothing_is_changed(staged: "Staged", cli: "Cli", spoil: str) -> None:
    staged.sh(spoil)
    staged.spoil("php-fpm-stopped")
    everything = staged.bystanders()

    ended = cli.fix()

    host = ended.refused("sudo-rule-missing")
    assert f"/usr/bin/systemctl restart {FPM}.service" in problem(host).message
    assert f"invoke sudoers --host {staged.name}" in ended.err
    assert staged.starts() == 0
    assert staged.bystanders() == everything

    made = cli("invoke", "sudoers", "--host", staged.name, "--inventory", str(staged.inventory))
    assert (made.code, made.err) == (0, "")
    staged.sh(f"install -m 0440 /dev/stdin {RULES} <<'RULES'\n{made.out}RULES\nvisudo -c -q")
    cli.fix().is_("fixed", 0, touched="yes")
    staged.serves()


def test_only_the_restart_lacks_its_rule(staged: "Staged", cli: "Cli") -> None:
    """Everything can be looked at; what would change the host cannot run: known before it is tried."""
    staged.sh(f"sed -i '/systemctl restart/d' {RULES}")
    staged.spoil("php-fpm-stopped")

    host = cli.fix().refused("sudo-rule-missing")

    assert problem(host).message.endswith(f"sudo -n /usr/bin/systemctl restart {FPM}.service")
    assert staged.starts() == 0
    assert staged.execs() == 1
    assert not any("COMMAND=/usr/bin/systemctl" in line for line in staged.journal())


def test_the_file_allows_what_is_needed_and_never_all(staged: "Staged") -> None:
    assert {words: code for words, (code, _) in as_forge(staged, ALLOWED).items()} == dict.fromkeys(ALLOWED, 0)
    listed = staged.sh("runuser -u forge -- sudo -n -l")
    rules = [line.strip() for line in listed.splitlines() if line.startswith("    (")]
    assert len(rules) == int(staged.sh(f"grep -c NOPASSWD: {RULES}"))
    assert len(rules) >= len(ALLOWED)
    assert not [rule for rule in rules if rule.endswith("ALL") or "(ALL" in rule or re.search(r"(?<!\\)[*?[]", rule)]


@pytest.mark.parametrize(
    ("older", "calls"),
    [
        ("true", {"several": 1, "/usr/sbin/nginx -t": 0}),
        ("sed -i '2s/ with several,/,/' /opt/remediate/helper-*", {"several": 0, "/usr/sbin/nginx -t": 1}),
        (f"sed -i '/ several$/d' {RULES}", {"several": 0, "/usr/sbin/nginx -t": 1}),
    ],
    ids=["installed", "older-helper", "no-rule"],
)
def test_brief_questions_cost_one_call_where_it_is_installed(
    staged: "Staged", cli: "Cli", older: str, calls: dict[str, int]
) -> None:
    staged.sh(f"mkdir /root/rules; cp -p /opt/remediate/helper-* {RULES} /root/rules; {older}")
    staged.mark()
    try:
        cli.check().is_("healthy", 0)
    finally:
        staged.sh(f"mv /root/rules/helper-* /opt/remediate; mv /root/rules/remediate {RULES}; rmdir /root/rules")
    made = [line for line in staged.journal() if "COMMAND=" in line and "password" not in line]
    assert {words: sum(line.endswith(words) for line in made) for words in calls} == calls


def test_nothing_else_gets_through(staged: "Staged") -> None:
    everything = staged.bystanders()

    tried = as_forge(staged, ESCAPES)

    assert len(tried) == len(ESCAPES)
    for words, (code, said) in tried.items():
        assert code == 1, words
        assert "a password is required" in said or "not allowed" in said or "sudo: " in said, (words, said)
    assert staged.bystanders() == everything


def test_what_is_allowed_starts_no_pager(staged: "Staged") -> None:
    """A pager on a terminal is a root shell: `!sh`."""
    typed = staged.sh(
        f"export PAGER='id; less' SYSTEMD_PAGER='id; less' SYSTEMD_EDITOR=id LESSOPEN='|id'\n"
        f'script -qec "runuser -u forge -- sudo -n {JOURNAL}" /dev/null < /dev/null'
    )
    assert "uid=0" not in typed
    assert "(END)" not in typed


def test_a_host_that_carries_the_first_file_is_told_to_replace_it(staged: "Staged", cli: "Cli") -> None:
    old = (Path(__file__).parent / "sudoers-0.1.txt").read_text()
    staged.sh(f"rm -rf /opt/remediate; install -m 0440 /dev/stdin {RULES} <<'RULES'\n{old}RULES")

    target = ("--host", staged.name, "--inventory", str(staged.inventory))
    seen = " ".join(cli("invoke", "check.app-down", *target).out.split())

    assert "let forge run anything as another user; remediate printed such rules up to 0.1" in seen
    assert f"replace now: as root on {staged.name}, run what `invoke sudoers --host {staged.name}" in seen

    made = cli("invoke", "sudoers", *target, "--script").out
    staged.sh(f"sh -s <<'SCRIPT'\n{made}SCRIPT")
    assert cli("invoke", "check.app-down", *target).code == 0


def test_a_helper_that_others_can_write_is_told_and_not_used(staged: "Staged", cli: "Cli") -> None:
    staged.sh("chmod 777 /opt/remediate")
    ended = cli.check()
    assert "others than root can write /opt/remediate" in ended.note("sudo rules")
    assert ended.code == 3
