"""Truth table: a key of .env is set."""

import pytest
from pydantic import SecretStr

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact
from remediate.core.remedy import NotYet, Proven
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.configuration import CachedConfig, Configuration, EnvFile, EnvValue
from remediate.probes.descendants import Descendants
from remediate.probes.opcache import Opcache
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.supervisor import Workers
from remediate.probes.systemd import Unit
from remediate.programs.config import cache_config
from remediate.programs.env import edit_env
from remediate.programs.processes import end_processes
from remediate.remedies.configuration import SetEnv
from remediate.remedies.workers import start_program
from support import examples as ex
from support.hosts import host_with
from support.render import surveyed
from support.toys import LOST, Known, decide

PATH = "/home/forge/agency-platform"
CANARY = "whsec_c4n4ry"
SET = SetEnv(
    php="php8.2", path=PATH, key="STRIPE_WEBHOOK_SECRET", value=SecretStr(CANARY), program="agency-worker", patience=7
)
CONFIGURATION = Configuration(php="php8.2", path=PATH, user="forge")
ENV, CACHED = EnvFile(path=PATH, user="forge"), CachedConfig(path=PATH, user="forge")
VALUE = EnvValue(php="php8.2", path=PATH, user="forge", key="STRIPE_WEBHOOK_SECRET", value=SecretStr(CANARY))
WORKERS = Descendants(path=PATH, user="forge", unit="supervisor")
SUPERVISED = Workers(program="agency-worker")
PHP_FPM, CHILDREN = Unit(name="php8.2-fpm"), Descendants(path=PATH, user="forge", unit="php8.2-fpm")
OPCACHE, FPM = Opcache(php="php8.2"), PhpFpmConfig(php="php8.2")

EDIT = edit_env("php8.2", PATH, "forge", "STRIPE_WEBHOOK_SECRET", SecretStr(CANARY), seen=ex.env_file().mark)
REBUILD = cache_config("php8.2", PATH, "forge")
RELOAD = Run.of("/usr/bin/systemctl", "try-reload-or-restart", "php8.2-fpm.service", user=ROOT, seconds=60)
START = start_program("agency-worker")


def end(*identities: str) -> Run:
    return end_processes(identities, "forge", 7, left="leave")


def known(**changed: Fact | Unreadable) -> Known:
    """Return what is known where only the value is another one, but for what is changed."""
    names = {
        "configuration": CONFIGURATION,
        "env": ENV,
        "cached": CACHED,
        "value": VALUE,
        "workers": WORKERS,
        "opcache": OPCACHE,
        "fpm": FPM,
        "php_fpm": PHP_FPM,
        "children": CHILDREN,
        "supervised": SUPERVISED,
    }
    facts: Known = {
        CONFIGURATION: ex.CONFIGURED,
        ENV: ex.env_file(),
        CACHED: ex.cached_config(),
        VALUE: ex.OTHER_VALUE,
        WORKERS: ex.descendants((101, False), (102, False)),
        OPCACHE: ex.OPCACHE,
        FPM: ex.SOUND,
        PHP_FPM: ex.RUNNING,
        CHILDREN: ex.descendants(),
        SUPERVISED: ex.workers("RUNNING", "RUNNING"),
    }
    return {**facts, **{names[name]: fact for name, fact in changed.items()}}


AFTER = {"env": ex.env_file(2), "cached": ex.cached_config(2), "value": ex.RIGHT_VALUE}
OUTSIDE = ex.CONFIGURED.model_copy(update={"external": ("APP_ENV", "STRIPE_WEBHOOK_SECRET")})
OTHERS_OUTSIDE = ex.CONFIGURED.model_copy(update={"external": ("APP_ENV",)})
STALE_WORKERS = ex.descendants((101, True), (102, False))
OLD_CHILDREN, CACHED_LATER = ex.descendants((301, True)), ex.cached_config(written=1795500000.5)
UNPARSED = ex.NO_VALUE.model_copy(update={"state": "broken"})
TABLE: dict[str, tuple[Known, str]] = {
    "differs": (known(), "proceed"),
    "unset": (known(value=ex.NO_VALUE), "proceed"),
    "same": (known(value=ex.RIGHT_VALUE), "skip"),
    "same, not cached": (known(value=ex.RIGHT_VALUE, configuration=ex.NOT_CACHED), "skip"),
    "not cached": (known(configuration=ex.NOT_CACHED), "proceed"),
    "no workers": (known(workers=ex.descendants()), "proceed"),
    "broken .env": (known(configuration=ex.ENV_UNPARSABLE), "env-broken"),
    "broken meanwhile": (known(value=UNPARSED), "env-broken"),
    "same, but cached otherwise": (known(value=ex.RIGHT_VALUE, configuration=ex.CONFIG_STALE), "config-pending"),
    "same, but old workers": (known(value=ex.RIGHT_VALUE, workers=STALE_WORKERS), "proceed"),
    "same, but old children": (
        known(value=ex.RIGHT_VALUE, opcache=ex.OPCACHE_KEEPS, children=OLD_CHILDREN),
        "proceed",
    ),
    "same, but never reloaded": (known(value=ex.RIGHT_VALUE, opcache=ex.OPCACHE_KEEPS, cached=CACHED_LATER), "proceed"),
    "same, reloaded since": (known(value=ex.RIGHT_VALUE, opcache=ex.OPCACHE_KEEPS), "skip"),
    "same, and opcache notices": (known(value=ex.RIGHT_VALUE, children=OLD_CHILDREN, cached=CACHED_LATER), "skip"),
    "other edits wait": (known(configuration=ex.CONFIG_STALE), "config-pending"),
    "given from outside": (known(configuration=OUTSIDE), "env-overridden"),
    "given from outside, same": (known(configuration=OUTSIDE, value=ex.RIGHT_VALUE), "skip"),
    "others given from outside": (known(configuration=OTHERS_OUTSIDE), "proceed"),
    "opcache keeps": (known(opcache=ex.OPCACHE_KEEPS), "proceed"),
    "opcache keeps, pool broken": (known(opcache=ex.OPCACHE_KEEPS, fpm=ex.BROKEN_CONFIG), "config-broken"),
    "opcache keeps, pool unchecked": (known(opcache=ex.OPCACHE_KEEPS, fpm=ex.UNCHECKED), "config-unchecked"),
    "pool broken, which matters to nobody": (known(fpm=ex.BROKEN_CONFIG), "proceed"),
    "value unknown": (known(value=LOST), "unreadable"),
    "configuration unknown": (known(configuration=LOST), "unreadable"),
    "supervisor unknown": (known(supervised=LOST), "unreadable"),
    "workers unknown": (known(workers=LOST), "unreadable"),
    ".env unknown": (known(env=LOST), "unreadable"),
    "opcache unknown": (known(opcache=LOST), "unreadable"),
}


@pytest.mark.parametrize("case", TABLE)
def test_when_a_key_is_set(case: str) -> None:
    facts, expected = TABLE[case]
    assert decide(SET, facts) == expected
    if expected != "unreadable":
        assert CANARY not in SET.guard(Facts(facts)).reason


def test_every_reason_to_refuse_a_key_is_reached() -> None:
    assert {code.name for code in SetEnv.refusals} <= {expected for _, expected in TABLE.values()}


def steps(case: str) -> list[Run]:
    return list(SET.apply(Facts(TABLE[case][0])))


def test_what_is_done() -> None:
    both = end("101:1010", "102:1020")
    assert steps("differs") == [EDIT, REBUILD, both, START]
    assert steps("opcache keeps") == [EDIT, REBUILD, RELOAD, both, START]
    assert steps("not cached") == [EDIT, both, START]
    assert steps("no workers") == [EDIT, REBUILD]
    # Only what is left to do is done by a second attempt.
    assert steps("same, but old workers") == [end("101:1010"), START]
    assert steps("same, but old children") == steps("same, but never reloaded") == [RELOAD]
    assert steps("same, but cached otherwise") == [REBUILD, both, START]
    assert list(SET.model_copy(update={"program": None}).apply(Facts(known()))) == [EDIT, REBUILD, both]


def test_what_somebody_has_stopped_is_not_started() -> None:
    parked = known(supervised=ex.workers("RUNNING", "STOPPED"))
    assert list(SET.apply(Facts(parked))) == [EDIT, REBUILD, end("101:1010", "102:1020")]


def test_no_step_shows_the_value() -> None:
    for step in steps("opcache keeps"):
        assert CANARY not in f"{step} {step!r} {step.model_dump_json()} {step.argv}"
    for shown in (repr(SET), str(SET), SET.model_dump_json(), repr(VALUE), VALUE.model_dump_json(), VALUE.label()):
        assert CANARY not in shown


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        (known(), known(**AFTER), None),
        (known(configuration=ex.NOT_CACHED), known(**AFTER, configuration=ex.NOT_CACHED), None),
        (known(), known(**{**AFTER, "value": ex.OTHER_VALUE}), "is another value"),
        (known(), known(**{**AFTER, "env": ex.env_file()}), "as it was before"),
        (known(), known(**{**AFTER, "cached": ex.cached_config()}), "as it was before"),
        (known(), known(**AFTER, configuration=ex.CONFIG_STALE), "differs from .env"),
        (known(), known(**AFTER, configuration=ex.ENV_UNPARSABLE), "cannot be parsed"),
        (known(), known(**AFTER, workers=STALE_WORKERS), "1 workers still have"),
        (known(), known(**AFTER, supervised=ex.workers("RUNNING", "EXITED")), "1/2 running, EXITED"),
        (
            known(supervised=ex.workers("RUNNING", "FATAL")),
            known(**AFTER, supervised=ex.workers("RUNNING", "FATAL")),
            None,
        ),
        (known(supervised=ex.NO_DAEMON), known(**AFTER, supervised=ex.NO_DAEMON), None),
        (
            known(workers=ex.descendants()),
            known(**AFTER, workers=ex.descendants()),
            "supervisorctl restart agency-worker:*",
        ),
        (
            known(opcache=ex.OPCACHE_KEEPS),
            known(**{**AFTER, "cached": CACHED_LATER}, opcache=ex.OPCACHE_KEEPS),
            "php8.2-fpm is older",
        ),
        # What differed before, a time for example, may go on to do so where somebody has overridden that.
        (known(configuration=ex.CONFIG_STALE), known(**AFTER, configuration=ex.CONFIG_STALE), None),
        # Nothing but the workers was left to do.
        (TABLE["same, but old workers"][0], known(value=ex.RIGHT_VALUE), None),
        (TABLE["same, but old workers"][0], TABLE["same, but old workers"][0], "1 workers still have"),
    ],
)
def test_what_proves_it(before: Known, after: Known, left: str | None) -> None:
    proof = SET.verify(surveyed(before), surveyed(after))
    if left is None:
        assert isinstance(proof, Proven)
    else:
        assert isinstance(proof, NotYet)
        assert left in proof.reason


def test_the_inventory_fills_all_but_key_and_value() -> None:
    host = host_with({"app_path": PATH, "app_user": "www", "php": "php8.3", "worker_program": "agency-worker"})
    full = SetEnv.on(host, key="A", value="b")
    assert (full.php, full.user, full.program) == ("php8.3", "www", "agency-worker")
    for key in ("", "A B", "1A", "A=B", "A" * 101, "A\nB", "A-B"):
        with pytest.raises(ConfigurationError, match="key") as raised:
            SetEnv.on(host, key=key, value=CANARY)
        assert CANARY not in str(raised.value)


EXAMPLES = {
    "env.set": (
        SET,
        known(opcache=ex.OPCACHE_KEEPS),
        known(**AFTER, opcache=ex.OPCACHE_KEEPS),
        tuple(facts for facts, _ in TABLE.values()),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
