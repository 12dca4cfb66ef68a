"""The cached configuration of a real host, and a changed key that everything takes."""

import json
from typing import TYPE_CHECKING

import pytest

from remediate.probes.configuration import EnvState
from remediate.programs.config import cache_config
from support.staged_env import APP, CACHED, DISK, KEY, as_forge, compared, holds

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = [pytest.mark.container, pytest.mark.usefixtures("configuration_kept")]

REBUILD = cache_config("php8.2", APP, "forge")
UNBUILDABLE = {
    "broken .env": "echo 'B=canary two words' >> .env",
    "broken config file": "echo '<?php canary two words' > config/zz.php",
    "config file that ends it": "echo '<?php die(\"canary\");' > config/zz.php",
    "read-only": "chown root bootstrap/cache; chmod 555 bootstrap/cache",
    # Where the cached one is behind a symbolic link, the new one is made beside its target.
    "full": (
        f"install -d -o forge -g forge {DISK}; mv bootstrap/cache/config.php {DISK}/;"
        f" ln -s {DISK}/config.php bootstrap/cache/; dd if=/dev/zero of={DISK}/fill bs=64k || true"
    ),
}


@pytest.mark.parametrize("name", UNBUILDABLE)
def test_what_cannot_be_built_leaves_the_cached_one_as_it_is(staged: "Staged", name: str) -> None:
    try:
        staged.sh(f"cd {APP}; {UNBUILDABLE[name]}")
        look = f"cd {APP}/bootstrap/cache; ls -lA --time-style=full-iso . {DISK} || true; sha256sum config.php"
        before = staged.sh(look)
        done = as_forge(staged, REBUILD)
        assert done.returncode == 1
        assert done.stderr
        assert "canary" not in done.stderr + done.stdout
        assert staged.sh(look) == before
        if name not in {"read-only", "full"}:
            state, message, _ = compared(staged)
            assert state in {EnvState.BROKEN, EnvState.UNUSABLE}
            assert "canary" not in message
    finally:
        staged.sh(
            f"rm -rf {DISK} {APP}/config/zz.php; chown forge {APP}/bootstrap/cache; chmod 755 {APP}/bootstrap/cache"
        )


def test_it_is_built_beside_the_one_in_use(staged: "Staged") -> None:
    staged.sh(
        f"cd {APP}; chmod 640 {CACHED}; echo x > bootstrap/cache/config.remediate-0a.php;"
        " sed -i 's/^APP_NAME=.*/APP_NAME=Another/' .env"
    )
    assert compared(staged)[2] == ("app.name",)
    assert as_forge(staged, REBUILD).returncode == 0
    assert compared(staged) == (EnvState.SOUND, "", ())
    assert staged.sh(f"stat -c '%a %U' {CACHED}").strip() == "640 forge"
    assert staged.sh(f"ls {APP}/bootstrap/cache").split() == ["config.php", "packages.php", "services.php"]


def test_a_cached_configuration_that_php_cannot_read_is_another_one(staged: "Staged") -> None:
    staged.sh(f"truncate -s 2000 {CACHED}")
    state, _, differs = compared(staged)
    assert state is EnvState.SOUND
    assert len(differs) > 10
    assert as_forge(staged, REBUILD).returncode == 0
    assert compared(staged)[2] == ()


def test_passwords_that_only_count_as_the_same_are_not(staged: "Staged") -> None:
    for old, new in (("1e3", "1000"), ("0e11", "0e22"), ("0123", "123")):
        staged.sh(f"cd {APP}; sed -i 's/^APP_NAME=.*/APP_NAME={old}/' .env")
        assert as_forge(staged, REBUILD).returncode == 0
        staged.sh(f"cd {APP}; sed -i 's/^APP_NAME=.*/APP_NAME={new}/' .env")
        assert compared(staged)[2] == ("app.name",)


def test_a_cache_that_is_kept_elsewhere_is_not_touched(staged: "Staged") -> None:
    staged.sh(f"echo APP_CONFIG_CACHE=/tmp/x.php >> {APP}/.env")
    state, message, _ = compared(staged)
    assert state is EnvState.UNUSABLE
    assert "APP_CONFIG_CACHE" in message


def test_the_line_that_cannot_be_parsed_is_named_and_not_quoted(staged: "Staged") -> None:
    lines = ('A="-----BEGIN KEY-----', "no line by itself", '-----END"', "B=canary two words")
    staged.sh(f"cat > {APP}/.env <<'ENV'\n{chr(10).join(lines)}\nENV\n")
    assert compared(staged)[:2] == (EnvState.BROKEN, f"{APP}/.env cannot be parsed, line 4")


# -- the whole way -----------------------------------------------------------------------------------------------------


def set_env(cli: "Cli", path: "Path", value: str, *flags: str) -> "Ended":
    path.write_text(f"{value}\n")
    target = ("--host", cli.staged.name, "--inventory", str(cli.staged.inventory))
    return cli(
        *("invoke", "do.env.set", *target, "--json", "--hold", "0"),
        *("--key", KEY, "--value-from", f"file:{path}", *flags),
    )


def test_a_changed_secret_is_taken_by_everything(staged: "Staged", cli: "Cli", tmp_path: "Path") -> None:
    value = "whsec_c4n4ry/with&odd'chars"
    before = staged.sh("pgrep -f 'artisan queue:work' | sort").split()
    ended = set_env(cli, tmp_path / "value", value)
    ended.is_("fixed", 0, touched="yes")
    assert value not in ended.out + ended.err
    assert holds(staged, KEY, value)
    assert compared(staged)[2] == ()
    assert "c4n4ry" in staged.sh(f"cat {CACHED}")
    after = staged.sh("pgrep -f 'artisan queue:work' | sort").split()
    assert len(after) == len(before) == 2
    assert not set(after) & set(before)
    staged.serves()
    everything = staged.bystanders()
    set_env(cli, tmp_path / "value", value).is_("healthy", 0)
    assert staged.bystanders() == everything
    for file in (cli.home / "state").rglob("*"):
        assert file.is_dir() or b"c4n4ry" not in file.read_bytes()


_LONG_JOB = f"""<?php
require "{APP}/vendor/autoload.php";
$app = require "{APP}/bootstrap/app.php";
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
App\\Jobs\\RecordStripePayment::dispatch("evt_long", "test", 1, "eur");
"""


def test_a_worker_in_a_long_job_may_finish_it(staged: "Staged", cli: "Cli") -> None:
    staged.sh(
        "setsid -f mariadb agency -e 'lock tables payments write; select sleep(8)' >/dev/null 2>&1 </dev/null\n"
        f"sleep 0.5; runuser -u forge -- php8.2 <<'PHP'\n{_LONG_JOB}PHP\n"
        f"sleep 1.5; sed -i 's/^APP_NAME=.*/APP_NAME=Another/' {APP}/.env"
    )
    assert as_forge(staged, REBUILD).returncode == 0
    before = set(staged.sh("pgrep -f 'artisan queue:work'").split())
    target = ("--host", staged.name, "--inventory", str(staged.inventory))
    ended = cli("invoke", "do.worker.restart", *target, "--json", "--hold", "0")
    ended.is_("fixed", 0, touched="yes")
    recorded = "select count(*) from agency.payments where event_id = 'evt_long'"
    assert staged.sh(f'mariadb -N -e "{recorded}"').strip() == "1"
    assert not before & set(staged.sh("pgrep -f 'artisan queue:work'").split())
    assert json.loads(ended.out)["hosts"][0]["steps"][0]["verified"] == "proven"
