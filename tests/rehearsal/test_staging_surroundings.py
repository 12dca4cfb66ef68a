"""The same verdicts on different hosts: languages, shells, disks, PHPs and vantages."""

from typing import TYPE_CHECKING

import pytest

from support.outcomes import problem

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

FPM = "php8.2-fpm"
APP = "/home/forge/agency-platform"
OLD_SITE = "server { listen 8081; location / { fastcgi_pass unix:/run/php/php8.1-fpm.sock; include fastcgi_params; } }"


def test_a_check_that_cannot_run_is_unchecked(staged: "Staged", cli: "Cli") -> None:
    """nginx -t fails with the best of configurations when it cannot open its log; /sys is read-only in a container."""
    staged.sh("ln -sf /sys/nginx.log /var/log/nginx/access.log")
    staged.settled()

    ended = cli.fix()

    host = ended.is_("healthy", 0)
    (check,) = (reading for reading in host.before if reading.label == "nginx -t")
    assert check.ok is None
    assert check.note.startswith("unchecked: ")
    assert "Read-only file system" in check.note


def test_nothing_is_started_that_could_not_be_checked(staged: "Staged", cli: "Cli") -> None:
    staged.spoil("php-fpm-stopped")
    staged.sh(f"ln -sf /sys/fpm.log /var/log/{FPM}.log")

    ended = cli.fix()

    ended.refused("config-unchecked")
    assert "Read-only file system" in ended.step().why
    assert staged.starts() == 0


def test_a_full_log_disk_does_not_keep_it_from_mending(staged: "Staged", cli: "Cli") -> None:
    staged.sh("dd if=/dev/zero of=/var/log/nginx/fill bs=1M 2> /dev/null || true")
    assert staged.sh("df --output=avail /var/log/nginx | tail -1").strip() == "0"
    staged.spoil("php-fpm-stopped")

    cli.fix().is_("fixed", 0, touched="yes")

    assert staged.starts() == 1
    staged.serves()


def test_a_healthy_run_writes_nothing(staged: "Staged", cli: "Cli") -> None:
    staged.settled()
    known = (
        "-path /var/log/journal",
        "-path /var/log/lastlog -o -path /var/log/wtmp -o -path /var/log/btmp",
        # Documented side effect of `php-fpm -t`: it opens its log, and says there that the test went well.
        f"-path /var/log/{FPM}.log",
        # The stores of the application, which every page writes to.
        "-path /var/lib/mysql -o -path /var/lib/redis",
        f"-path '{APP}/storage/framework/views' -o -path '{APP}/storage/logs'",
    )
    # A copy of its own: `-newer` compares with the file's time.
    staged.sh("touch /run/before-the-run; sleep 0.1")

    cli.fix().is_("healthy", 0)

    written = staged.sh(
        f"find / /tmp /run -xdev \\( -path /proc -o -path /sys -o -path /root/pristine -o {' -o '.join(known)} \\)"
        " -prune -o -newer /run/before-the-run ! -type d ! -type s -print"
    ).splitlines()
    transient = ("/run/systemd/", "/run/user/", "/run/sudo/", "/run/utmp", "/run/log/", "/run/motd", "/run/php/")
    assert [path for path in written if not path.startswith(transient)] == []


def test_php_is_discovered(staged: "Staged", cli: "Cli") -> None:
    """8.1 is installed and disabled, as on a host that was upgraded."""
    silent = staged.inventory_with(without=("php",))
    staged.spoil("php-fpm-stopped")

    ended = cli.fix(inventory=silent)

    ended.is_("fixed", 0, touched="yes")
    assert ended.step().params["php"] == "php8.2"
    staged.serves()


def test_of_two_enabled_phps_the_one_that_serves(staged: "Staged", cli: "Cli") -> None:
    silent = staged.inventory_with(without=("php",))
    staged.sh("systemctl enable --quiet --now php8.1-fpm")

    ended = cli.check(inventory=silent)

    ended.is_("healthy", 0)
    assert ended.step().params["php"] == "php8.2"


def test_the_php_of_another_site_decides_nothing(staged: "Staged", cli: "Cli") -> None:
    silent = staged.inventory_with(without=("php",))
    staged.sh(f"systemctl enable --quiet --now php8.1-fpm; echo '{OLD_SITE}' > /etc/nginx/sites-enabled/old")
    staged.spoil("php-fpm-stopped")

    ended = cli.fix(inventory=silent)

    ended.is_("fixed", 0, touched="yes")
    assert ended.step().params["php"] == "php8.2"


@pytest.mark.parametrize("vantage", ["host", "controller"])
def test_one_vantage_is_enough(staged: "Staged", cli: "Cli", vantage: str) -> None:
    alone = staged.inventory_with(site_vantage=[vantage])
    staged.spoil("php-fpm-stopped")

    host = cli.fix(inventory=alone).is_("fixed", 0, touched="yes")

    asked = {reading.vantage.value for reading in host.before if reading.probe == "http.site"}
    assert asked == {vantage}
    staged.serves()


def test_no_answer_from_the_controller_is_the_symptom(staged: "Staged", cli: "Cli") -> None:
    """The host is well and nobody can reach it: never healthy, and nothing is restarted for it."""
    cut_off = staged.inventory_with(site_resolve="127.0.0.1:9")

    host = cli.fix(inventory=cut_off).refused("unexplained")

    assert "no connection" in problem(host).message
    assert staged.starts() == 0


def test_a_german_host(staged: "Staged", cli: "Cli") -> None:
    staged.sh(
        "localedef -i de_DE -f UTF-8 de_DE.UTF-8\n"
        "printf 'LANG=de_DE.UTF-8\\nLC_ALL=de_DE.UTF-8\\nLANGUAGE=de\\n' >> /etc/environment\n"
        "runuser -u forge -- true; ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime"
    )
    staged.spoil("php-fpm-stopped")

    host = cli.fix().is_("fixed", 0, touched="yes")

    unit = next(reading for reading in host.before if reading.label == FPM)
    assert unit.note.startswith("inactive since ")
    assert unit.note.endswith("Z")
    assert all(reading.value is not None for reading in (*host.before, *host.after))


def test_a_talkative_bashrc(staged: "Staged", cli: "Cli") -> None:
    talk = r"""echo Welcome; printf "\033[31mred\033[0m no newline"; echo oops >&2; exec 3>&1; alias cat=false"""
    staged.sh(f"cat - /root/pristine/bashrc > /home/forge/.bashrc <<'TALK'\n{talk}\nTALK")
    staged.spoil("php-fpm-stopped")
    cli.fix().is_("fixed", 0, touched="yes")
    staged.serves()


@pytest.mark.parametrize("shell", ["/bin/dash", "/bin/rbash"])
def test_other_login_shells(staged: "Staged", cli: "Cli", shell: str) -> None:
    staged.sh(f"usermod -s {shell} forge")
    staged.spoil("php-fpm-stopped")
    cli.fix().is_("fixed", 0, touched="yes")
    staged.serves()


def test_secrets_in_logs_do_not_leave_the_host(staged: "Staged", cli: "Cli") -> None:
    """Every output of every test is searched for the application's secrets; here the host also logs them."""
    lines = "\n".join(f"{name}={value}" for name, value in staged.secrets.items())
    staged.sh(f"cat > /run/lines <<'LINES'\n{lines}\nLINES\ncat /run/lines >> {APP}/storage/logs/laravel.log")
    # Dies on each start, and says on the way down what nobody should read: its last words are shown.
    staged.drop_in(
        "[Service]\nExecStartPre=/bin/cat /run/lines\nRuntimeMaxSec=4\nExecStopPost=/bin/cat /run/lines\nRestart=no\n"
    )
    staged.spoil("php-fpm-stopped")

    ended = cli.fix(hold=10)

    ended.is_("not_fixed", 5, touched="yes")
    shown = cli("invoke", "runs.show", ended.report.run)
    for text in (ended.out, ended.err, shown.out):
        assert f"last lines of the log of {FPM}:" in text or text == ended.out
        assert "STRIPE_WEBHOOK_SECRET=********" in text
    stored = (cli.home / "state").rglob("*")
    data = b"".join(path.read_bytes() for path in stored if path.is_file())
    assert not [name for name, value in staged.secrets.items() if value.encode() in data]
