"""Measures the integrity of an application's configuration during changes; not a test.

Boots a staging host of its own, measures and removes it again, which takes some minutes:

    uv run python tests/rehearsal/measure_configuration.py            # all three
    uv run python tests/rehearsal/measure_configuration.py kills      # .env edits ended by KILL at random moments
    uv run python tests/rehearsal/measure_configuration.py rebuilds   # readers of the cached configuration
    uv run python tests/rehearsal/measure_configuration.py canaries   # secrets in any output, the journal, any process

Ends with 1 when something was torn, missing, partial or given away.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from remediate.commands.privileges import script_of
from remediate.core.command import Run
from remediate.engine.fleet import select
from remediate.programs.config import cache_config
from remediate.programs.env import edit_env
from remediate.project.project import Project
from remediate.rehearsal.staging import StagingHost, down, up

CHECKOUT: Final = Path(__file__).parents[2]
APP: Final = "/home/forge/agency-platform"
KILLS, READS, REBUILDS = 200, 200_000, 20
BIN: Final = Path(sys.executable).parent


@contextmanager
def _host() -> Iterator[StagingHost]:
    with tempfile.TemporaryDirectory() as name:
        inventory = Path(name)

        def sudoers(host: str) -> str:
            (found,) = select(host, inventory / f"{host}.yml")
            return script_of(found, Project(CHECKOUT))

        directory = CHECKOUT / ".staging"
        directory.mkdir(mode=0o700, exist_ok=True)
        try:
            yield up("staging-measured", directory=directory, inventory=inventory, installation=sudoers, fresh=True)
        finally:
            down("staging-measured", directory=directory)


def _program(name: str) -> tuple[str, ...]:
    return ("python3", "-c", Path(__file__).with_name("measured").joinpath(f"{name}.py").read_text())


def _inside(host: StagingHost, program: str, asked: object) -> dict[str, int]:
    """Run a program of `measured/` in the container as the application's user; it prints its numbers as JSON."""
    argv = ("runuser", "-u", "forge", "--", *_program(program))
    done = host.exec(argv, json.dumps(asked), 900)
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout}{done.stderr}")
    found: dict[str, int] = json.loads(done.stdout)
    return found


def kills(host: StagingHost) -> bool:
    """End .env edits at random moments: whoever reads has to read the old file or the new one."""
    # As deploy tools have it: one .env, shared by all releases, behind a symbolic link.
    host.script(
        f"cd {APP} && mkdir shared && mv .env shared/ && ln -s shared/.env .env && chown -h forge:forge shared .env"
        " && chgrp www-data shared/.env && chmod 660 shared/.env && usermod -a -G www-data forge"
    )
    run = edit_env("php8.2", APP, "forge", "STRIPE_WEBHOOK_SECRET", SecretStr(""), seen="")
    found = _inside(host, "kills", {"argv": run.argv, "kills": KILLS, "key": "STRIPE_WEBHOOK_SECRET"})
    print("kills:", found)  # noqa: T201  # its result
    host.script(f"cd {APP} && rm .env && mv shared/.env .env && rm -r shared && chmod 640 .env")
    return found["torn"] == found["missing"] == found["attributes"] == 0


def rebuilds(host: StagingHost) -> bool:
    """Rebuild the cached configuration again and again while it is read, staged and plainly."""
    path = f"{APP}/bootstrap/cache/config.php"
    staged = cache_config("php8.2", APP, "forge").argv
    plain = ("/usr/bin/php8.2", f"{APP}/artisan", "config:cache", "--no-ansi")
    good = True
    for name, argv in (("staged", staged), ("plain", plain)):
        found = _inside(host, "reads", {"argv": argv, "path": path, "reads": READS, "rebuilds": REBUILDS})
        print(f"rebuilds, {name}:", found)  # noqa: T201  # its result
        good = good and (name == "plain" or found["missing"] == found["partial"] == found["failed"] == 0)
    return good


# -- canaries ----------------------------------------------------------------------------------------------------------

CANARIES: Final = {
    "CANARY_PLAIN": "c4n4ry-plain-7f3a91",
    "CANARY_REGEX": "c4n4ry.*[a-z]+(x|y)$^?{2}\\d",
    "CANARY_QUOTES": "c4n4ry'single\"double`back",
    "CANARY_SPACES": "c4n4ry with three spaces",
    "CANARY_URL": "mysql://c4n4ry:p%40ss/w0rd@db.example.com:3306/x?y=z&a=b",
    "CANARY_HASH": "c4n4ry#not-a-comment",
    "CANARY_DOLLAR": "c4n4ry$HOME${PATH}$(id)",
    "CANARY_BACKSLASH": "c4n4ry\\n\\\\tail\\",
    "CANARY_PERCENT": "c4n4ry%s%d%%n",
    "CANARY_UTF8": "c4n4ry-pässwörd-☃",
    "CANARY_LINES": "c4n4ry first line\nc4n4ry second line",
    "CANARY_JSON": '{"c4n4ry": ["a", "b"]}',
}


def _texts(value: str) -> set[bytes]:
    """The value, as it is and as JSON would have it, and each of its lines."""
    forms = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], *value.splitlines()}
    return {form.encode() for form in forms}


def canaries(host: StagingHost) -> bool:
    """Run every command there is on a host full of canaries, and look for them everywhere."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "values").mkdir()
        for key, value in CANARIES.items():
            (home / "values" / key).write_bytes(value.encode())
        finder = _Finder(host, home)
        with suppress(KeyboardInterrupt), finder.watching():
            _run_everything(host, home, finder)
        print("canaries:", finder.numbers())  # noqa: T201  # its result
        for line in finder.found:
            print("  ", line)  # noqa: T201  # its result
        return not finder.found


class _Finder:
    """Looks for canaries in what commands print, in what they leave and in every process of both hosts."""

    def __init__(self, host: StagingHost, home: Path) -> None:
        self.host, self.home = host, home
        self.found: list[str] = []
        self.commands = self.bytes = 0
        self.exits: dict[int, int] = {}
        self.looks: dict[str, int] = {}
        self._texts = {key: _texts(value) for key, value in CANARIES.items()}

    def run(self, *words: str) -> None:
        environment = {**os.environ, "HOME": str(self.home), "REMEDIATE_STATE_DIR": str(self.home / "state")}
        argv = (str(BIN / "remediate"), *words)
        done = subprocess.run(argv, cwd=CHECKOUT, env=environment, capture_output=True, timeout=300, check=False)
        self.commands += 1
        self.exits[done.returncode] = self.exits.get(done.returncode, 0) + 1
        self.look(" ".join(words), done.stdout + done.stderr)

    def look(self, where: str, data: bytes) -> None:
        self.bytes += len(data)
        for key, texts in self._texts.items():
            self.found += [f"{key} in {where}" for text in texts if text in data]

    def numbers(self) -> dict[str, object]:
        return {
            "values": len(CANARIES),
            "commands": self.commands,
            "exits": dict(sorted(self.exits.items())),
            "bytes": self.bytes,
            "looks at processes": self.looks,
            "found": len(self.found),
        }

    @contextmanager
    def watching(self) -> Iterator[None]:
        told = json.dumps([text.decode() for texts in self._texts.values() for text in texts]) + "\n"
        self.host.script("rm -f /run/watched")
        answers: dict[str, str] = {}

        def inside() -> None:
            answers["host"] = self.host.exec(_program("watch"), told, 1200).stdout

        thread, over = threading.Thread(target=inside), threading.Event()
        thread.start()
        here = threading.Thread(target=self._watch_here, args=(over,))
        here.start()
        try:
            yield
        finally:
            over.set()
            self.host.script("touch /run/watched")
            thread.join()
            here.join()
        seen = json.loads(answers["host"].splitlines()[-1])
        self.looks["on the host"] = seen["looks"]
        self.found += [f"{what} of a process of the host: {text}" for _, what, text in seen["seen"]]
        for file in (each for each in self.home.rglob("*") if each.is_file() and each.parent.name != "values"):
            self.look(str(file.relative_to(self.home)), file.read_bytes())

    def _watch_here(self, over: threading.Event) -> None:
        """Only arguments: a reference `env:NAME` is in an environment on purpose."""
        texts = [text for each in self._texts.values() for text in each]
        seen, looks = set(), 0
        while not over.is_set():
            looks += 1
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    arguments = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                seen |= {arguments[:60] for text in texts if text in arguments}
            time.sleep(0.01)
        self.looks["here"] = looks
        self.found += [f"arguments of a process here: {text!r}" for text in seen]


_SEEN: Final = f"sha256sum {APP}/.env"


def _read_by(run: Run) -> str:
    return "" if run.stdin is None else run.stdin.get_secret_value()


def _run_everything(host: StagingHost, home: Path, finder: _Finder) -> None:
    inventory = str(host.placement.inventory / f"{host.name}.yml")
    at = ("--host", host.name, "--inventory", inventory)
    cures = ["app-down", *(each for each in sorted(Project(CHECKOUT).playbooks()) if each != "app-down")]

    def everything() -> None:
        for runnable in cures:
            finder.run(f"check.{runnable}", *at)
        finder.run("fix.app-down", *at, "--hold", "0", "--yes", "--json")
        finder.run("triage", *at, "--json")
        for task in ("config.cache", "worker.restart", "php-fpm.reload", "laravel.up"):
            finder.run(f"do.{task}", *at, "--plan")
        finder.run("runs.list")

    # Also into what the application uses, where errors of drivers and of the framework may quote it.
    for key, value in {**CANARIES, "DB_PASSWORD": CANARIES["CANARY_URL"]}.items():
        run = edit_env("php8.2", APP, "forge", key, SecretStr(value), seen=host.script(_SEEN).split()[0])
        done = host.exec(("runuser", "-u", "forge", "--", *run.argv), _read_by(run), 60)
        assert done.returncode == 0, done.stderr  # there is nothing to measure without them
    finder.run("do.config.cache", *at, "--hold", "0")
    source = ("--key", "CANARY_MORE", "--value-from", f"file:{home}/values/CANARY_REGEX")
    finder.run("do.env.set", *at, *source, "--plan", "--json")
    finder.run("do.env.set", *at, *source, "--hold", "0", "--json")
    everything()
    # Refused and failing: a value the framework would change, a wrong reference, a broken file, a read-only directory.
    (home / "values" / "quoted").write_bytes(b'"' + CANARIES["CANARY_PLAIN"].encode() + b'"')
    finder.run("do.env.set", *at, "--key", "A", "--value-from", f"file:{home}/values/quoted", "--hold", "0")
    finder.run("do.env.set", *at, "--key", "A B", "--value-from", f"file:{home}/values/CANARY_PLAIN")
    finder.run("do.env.set", *at, "--key", "A", "--value-from", f"cmd:cat {home}/values/CANARY_PLAIN /nowhere")
    source = ("--key", "CANARY_NEW", "--value-from", f"file:{home}/values/CANARY_REGEX")
    config = f"{APP}/config/canary.php"
    for script in (
        f"cp -a {APP}/.env /root/env; echo 'BROKEN=c4n4ry with three spaces' >> {APP}/.env",
        f"cat /root/env > {APP}/.env; chattr +i {APP}/.env 2>/dev/null || chmod 555 {APP}",
        f"chattr -i {APP}/.env 2>/dev/null; chmod 755 {APP}",
        f"""echo '<?php die(env("CANARY_URL"));' > {config}""",
        f"""echo '<?php throw new Exception(env("CANARY_URL"));' > {config}""",
        f"""echo '<?php return [new PDO("mysql:host=127.0.0.1", "u", env("CANARY_PLAIN"))];' > {config}""",
    ):
        host.script(script)
        finder.run("do.env.set", *at, *source, "--hold", "0", "--json")
        finder.run("do.config.cache", *at, "--hold", "0")
        finder.run("check.app-down", *at, "--json")
    host.script(f"rm -f {APP}/config/canary.php")


MEASURES: Final[dict[str, Callable[[StagingHost], bool]]] = {
    "kills": kills,
    "rebuilds": rebuilds,
    "canaries": canaries,
}


def main() -> int:
    """Measure what is asked for, all of it unless something is named."""
    chosen = sys.argv[1:] or list(MEASURES)
    if unknown := set(chosen) - set(MEASURES):
        raise SystemExit(f"there is no {', '.join(sorted(unknown))}: {', '.join(MEASURES)}")
    good = True
    with _host() as host:
        for each in chosen:
            good = MEASURES[each](host) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
