"""The PHP program for locks in the cache, run by a real PHP on code."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.core.program_text import program_text
from remediate.errors import Unreadable
from remediate.probes.cache import CacheCode, CacheUses
from remediate.programs.run import PROBES
from remediate.rehearsal.checkout import image_files
from support.this_machine import command_of

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed here")

PROBE = CacheCode(php="php8.2", path="/home/forge/agency-platform", user="forge")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    composer = {"autoload": {"psr-4": {"App\\": "app/", "Billing\\": ["billing/src"]}}}
    (tmp_path / "composer.json").write_text(json.dumps(composer))
    write(
        tmp_path, "app/Http/Home.php", "Cache::remember('home', 60, fn () => 1); Cache::put('a', 1); Cache::pull('a');"
    )
    return tmp_path


def write(app: Path, name: str, code: str) -> None:
    (app / name).parent.mkdir(parents=True, exist_ok=True)
    (app / name).write_text(f"<?php\nclass X {{ function handle() {{ {code} }} }}\n")


def asked(app: Path) -> CacheUses:
    done = subprocess.run(
        ("php", "-n", "-r", program_text(PROBES, "cache_uses.php"), "--", str(app)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return PROBE.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))


def test_copies_are_no_matter(app: Path) -> None:
    assert asked(app) == CacheUses(found=(), whole=True)
    assert asked(app).describe() == "no locks and no marks in the cache"
    assert asked(image_files() / "app") == CacheUses(found=(), whole=True)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("Cache::lock('charge', 10)->get();", "lock"),
        ("Cache::store('redis')->lock('charge');", "lock"),
        ("cache()->add($event->id, 1);", "add"),
        ("$this->cache->add($event->id, 1);", "add"),
        ("if (Cache::has($event->id)) { return; }", "has"),
        ("cache()->missing('x');", "missing"),
        ("$schedule->command('bill')->withoutOverlapping();", "withoutOverlapping"),
        ("$schedule->command('bill')->onOneServer();", "onOneServer"),
        ("return [new WithoutOverlapping($this->customer)];", "WithoutOverlapping"),
        ("$job instanceof ShouldBeUniqueUntilProcessing;", "ShouldBeUniqueUntilProcessing"),
        ("$request->header('Idempotency-Key');", "Idempoten"),
        ("Redis::setnx('a', 1);", "Redis"),
        (r"$x = \Illuminate\Support\Facades\Redis::class;", "Redis"),
    ],
)
def test_locks_and_marks_are_found(app: Path, code: str, word: str) -> None:
    write(app, "billing/src/Charge.php", code)
    assert asked(app) == CacheUses(found=(f"billing/src/Charge.php ({word})",), whole=True)


@pytest.mark.parametrize(
    "code",
    [
        "/* Cache::lock('x') */ // WithoutOverlapping",
        "$collection->add(1); $request->has('cached'); $this->lock();",
        "$list = ['lock_connection' => 'default', 'driver' => 'redis'];",
    ],
)
def test_what_only_looks_like_it_is_not(app: Path, code: str) -> None:
    (app / "config").mkdir()
    (app / "config/cache.php").write_text(f"<?php\n{code}\n")
    assert asked(app).found == ()


def test_what_could_not_be_looked_at_is_not_taken_for_nothing(app: Path) -> None:
    (app / "billing").mkdir()
    (app / "billing/src").symlink_to(app)
    assert asked(app) == CacheUses(found=(), whole=False)
    assert asked(app).describe() == "not all of it could be read"
    (app / "billing/src").unlink()
    (app / "composer.json").write_text("{")
    assert not asked(app).whole
    assert not asked(app / "nowhere").whole


def test_packages_are_left_out(app: Path) -> None:
    write(app, "app/vendor/acme/Lock.php", "Cache::lock('x');")
    assert asked(app) == CacheUses(found=(), whole=True)


def test_the_question() -> None:
    run = command_of(PROBE)
    assert (run.verb, run.arguments, run.user) == ("cache-uses", ("/home/forge/agency-platform",), "forge")
    for wrong in ("", "\nremediate:[]\n", '\nremediate:{"found":3,"whole":true}\n'):
        with pytest.raises(Unreadable):
            PROBE.read(Output(stdout=wrong))
