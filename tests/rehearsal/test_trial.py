"""Trials that follow from a playbook's declared cases."""

from itertools import combinations
from typing import Literal

import pytest

from remediate.commands.docs.example import EXAMPLE
from remediate.core.host import Host
from remediate.core.playbook import Playbook
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from remediate.rehearsal import faults
from remediate.rehearsal.case import Case, Expected, cured, refused, unclaimed, unharmed
from remediate.rehearsal.faults import Fault
from remediate.rehearsal.trial import Pairs, Trial, matrix


class Thing(Fault):
    """Something on the host is odd."""

    kind: Literal["thing"] = "thing"
    names: tuple[str, ...]

    def describe(self) -> str:
        return f"{', '.join(self.names)} is odd"

    def disturbs(self) -> tuple[str, ...]:
        return self.names

    def breaking(self) -> str:
        return "true"

    def mending(self) -> str:
        return "true"


def thing(*names: str) -> Thing:
    return Thing(names=names)


CASES = (
    cured("a-stopped", thing("a"), "a.restart"),
    cured("a-killed", thing("a"), "a.restart"),
    cured("b-stopped", thing("b"), "b.restart"),
    refused("a-masked", thing("a"), "unit-masked", timeout=10),
    refused("c-locked", thing("c"), "database-cause"),
    unclaimed("b-flapping", thing("b"), hold=8),
    unharmed("d-odd", thing("d")),
)


def names(pairs: Pairs, *cases: Case) -> list[str]:
    return [trial.name for trial in matrix(cases or CASES, pairs)]


def trial(name: str) -> Trial:
    return next(each for each in matrix(CASES, Pairs.ALL) if each.name == name)


def test_the_healthy_host_comes_first_and_then_every_case_as_declared() -> None:
    healthy, *single = matrix(CASES, Pairs.NONE)
    assert (healthy.name, healthy.faults, healthy.expected) == ("healthy", (), Expected.UNHARMED)
    assert healthy.description == "nothing is broken"
    assert [each.name for each in single] == [case.name for case in CASES]
    assert [each.faults for each in single] == [(case.fault,) for case in CASES]
    assert [each.expected for each in single] == [case.expected for case in CASES]
    assert (trial("a-masked").codes, trial("a-masked").timeout) == (("unit-masked",), 10)
    assert trial("b-flapping").hold == 8
    assert trial("a-stopped").by == ("a.restart",)


def test_without_a_case_only_the_healthy_host_is_left() -> None:
    for pairs in Pairs:
        assert [each.name for each in matrix((), pairs)] == ["healthy"]


def test_some_pairs_take_one_case_for_each_thing_that_breaks() -> None:
    found = names(Pairs.SOME)[len(CASES) + 1 :]
    assert found == ["a-stopped+b-stopped", "b-stopped+a-masked", "b-stopped+c-locked", "a-stopped+d-odd"]


def test_all_pairs_are_all_that_do_not_touch_the_same() -> None:
    found = names(Pairs.ALL)[len(CASES) + 1 :]
    mended = {"a-stopped", "a-killed", "b-stopped"}
    by_name = {case.name: set(case.fault.disturbs()) for case in CASES}
    expected = {
        frozenset(pair)
        for pair in combinations(by_name, 2)
        if mended & set(pair) and "b-flapping" not in pair and not by_name[pair[0]] & by_name[pair[1]]
    }
    assert {frozenset(name.split("+")) for name in found} == expected
    assert len(found) == len(expected)


def test_the_same_thing_is_not_broken_twice_at_once() -> None:
    for each in matrix(CASES, Pairs.ALL):
        disturbed = [name for fault in each.faults for name in fault.disturbs()]
        assert len(disturbed) == len(set(disturbed))
        assert each.disturbed == frozenset(disturbed)


def test_what_is_unsteady_is_only_rehearsed_alone() -> None:
    assert [name for name in names(Pairs.ALL) if "b-flapping" in name] == ["b-flapping"]


def test_two_that_are_mended_are_fixed_together_by_the_remedies_of_both() -> None:
    both = trial("a-stopped+b-stopped")
    assert (both.expected, both.by) == (Expected.FIXED, ("a.restart", "b.restart"))
    assert both.description == "a is odd and b is odd"


def test_beside_a_refusal_nothing_may_be_called_fixed_and_the_refusal_is_named() -> None:
    both = trial("b-stopped+a-masked")
    assert (both.expected, both.by, both.codes, both.timeout) == (Expected.UNCLAIMED, (), ("unit-masked",), 10)


def test_beside_what_is_none_of_its_business_it_mends_as_ever() -> None:
    both = trial("a-stopped+d-odd")
    assert (both.expected, both.by, both.codes) == (Expected.FIXED, ("a.restart",), ())


def test_refusals_are_not_paired_with_one_another() -> None:
    only = (refused("x", thing("x"), "one"), refused("y", thing("y"), "two"))
    assert names(Pairs.ALL, *only) == ["healthy", "x", "y"]


def test_a_partner_that_touches_the_same_makes_way_for_the_next_one() -> None:
    cases = (cured("a", thing("a")), refused("a-masked", thing("a"), "unit-masked"))
    assert names(Pairs.SOME, *cases) == ["healthy", "a", "a-masked"]


# -- the stock playbook and the stock faults ---------------------------------------------------------------------------


STOCK = [Project(None).load(name) for name in Project(None).playbooks()]
EVERY = pytest.mark.parametrize("playbook", STOCK, ids=lambda each: each.name)


@EVERY
@pytest.mark.parametrize("pairs", Pairs)
def test_no_two_trials_of_a_playbook_have_one_name(playbook: Playbook, pairs: Pairs) -> None:
    found = [each.name for each in matrix(playbook.cases(EXAMPLE), pairs)]
    assert len(found) == len(set(found))


@EVERY
def test_every_refusal_that_is_declared_is_one_that_can_be_given(playbook: Playbook) -> None:
    possible = {code.name for remedy in playbook(EXAMPLE).remedies for code in remedy.refusals}
    assert {case.code for case in playbook.cases(EXAMPLE) if case.code} <= possible


@EVERY
def test_every_cause_that_is_mended_names_a_remedy_that_is_there(playbook: Playbook) -> None:
    kinds = {remedy.kind for remedy in playbook(EXAMPLE).remedies}
    mended = [case for case in playbook.cases(EXAMPLE) if case.expected is Expected.FIXED]
    assert all(case.by and set(case.by) <= kinds for case in mended)


@EVERY
def test_every_playbook_is_rehearsed_well(playbook: Playbook) -> None:
    cases = playbook.cases(EXAMPLE)
    assert len(cases) >= 6
    assert sum(case.expected is Expected.REFUSED for case in cases) >= 2
    assert any(case.expected is Expected.FIXED for case in cases)
    assert all(case.fault.disturbs() for case in cases)
    # What a person does after a refusal is tried as well.
    assert [case.name for case in cases if case.expected is Expected.REFUSED and case.then is None] == []


LINEAGE = faults.LineageReplaced(name="example.com", domain="example.com")
UNIT, PROGRAM = "nginx", "agency-worker"
CONFIGURED = ("/srv/.env", "/srv/bootstrap/cache/")
DISTURBED: list[tuple[Fault, tuple[str, ...]]] = [
    (faults.UnitStopped(unit=UNIT), (UNIT,)),
    (faults.UnitKilled(unit=UNIT), (UNIT,)),
    (faults.UnitMasked(unit=UNIT), (UNIT,)),
    (faults.UnitFlapping(unit=UNIT), (UNIT,)),
    (faults.SocketAstray(path="/run/x.sock", nginx=UNIT), ("/etc/nginx/", UNIT)),
    (
        faults.DiskWritten(path="/var/log/nginx/x"),
        ("/var/log/nginx/x", "remediate-fault-writer", "room on the disk"),
    ),
    (faults.SocketRemoved(path="/run/x.sock", unit=UNIT), (UNIT,)),
    (faults.PortTaken(unit=UNIT, port=80), (UNIT, "remediate-stranger", "port 80")),
    (faults.LineAppended(path="/etc/x", line="y"), ("/etc/x",)),
    (faults.LineAppended(path="/etc/x", line="y", stops=UNIT), ("/etc/x", UNIT)),
    (faults.PoolHung(php="php8.3"), ("php8.3-fpm",)),
    (faults.PoolExhausted(php="php8.3", public="/srv", url="https://example.com"), ("php8.3-fpm",)),
    (faults.WorkersStopped(program=PROGRAM), (PROGRAM,)),
    (faults.WorkersFatal(program=PROGRAM, script="/srv/artisan"), (PROGRAM,)),
    (faults.WorkersCrashing(program=PROGRAM, config="/etc/w.conf"), (PROGRAM, "/etc/w.conf")),
    (faults.WorkersHalted(program=PROGRAM, php="php8.3", path="/srv"), (PROGRAM,)),
    (
        faults.WorkersElsewhere(program=PROGRAM, config="/etc/w.conf", php="php8.3", path="/srv"),
        (PROGRAM, "/etc/w.conf"),
    ),
    (faults.Maintenance(path="/srv"), ("/srv",)),
    (faults.DeployRunning(unit=UNIT), (UNIT,)),
    (faults.TableLocked(database="agency", url="https://example.com/"), ("agency",)),
    (LINEAGE, ("/etc/letsencrypt/",)),
    (LINEAGE.model_copy(update={"own": "/etc/own.pem"}), ("/etc/letsencrypt/", "/etc/own.pem")),
    (faults.NameTaken(domain="example.com", config="/etc/x"), ("/etc/x", "/etc/nginx/ssl/")),
    (faults.CertificateElsewhere(domain="example.com", config="/etc/x"), ("/etc/x", "/etc/nginx/ssl/")),
    (faults.IssuedOften(name="example.com"), ("/etc/letsencrypt/",)),
    (faults.CertbotAtWork(), ("certbot",)),
    (faults.ChallengeShut(config="/etc/x"), ("/etc/x",)),
    (
        faults.RenewalHindered(certificate=LINEAGE, hindrance=faults.UnitStopped(unit="pebble")),
        ("/etc/letsencrypt/", "pebble"),
    ),
    (faults.ServerCrashed(unit="mariadb"), ("mariadb",)),
    (faults.ServerFrozen(unit="mariadb"), ("mariadb",)),
    (
        faults.PasswordChanged(app="/srv", database="shop", user="shop", program=PROGRAM),
        ("/srv/.env", "/srv/bootstrap/", PROGRAM),
    ),
    (faults.DatabaseMissing(app="/srv", database="shop", user="shop"), ("/srv/.env", "/srv/bootstrap/")),
    (faults.ConnectionsHeld(app="/srv", database="shop", user="shop"), ("database sessions",)),
    (faults.ConnectionsBusy(app="/srv", database="shop", user="shop", table="orders"), ("database sessions",)),
    (faults.AccountElsewhere(app="/srv", database="shop", user="shop"), ("database sessions",)),
    (faults.TransactionForgotten(app="/srv", database="shop", user="shop", table="orders"), ("database sessions",)),
    (faults.QueryRunaway(app="/srv", database="shop", user="shop", table="orders"), ("database sessions",)),
    (faults.RedisStopped(path="/srv", program=PROGRAM), ("redis-server", PROGRAM)),
    (faults.RedisStopped(path="/srv", program=PROGRAM, masked=True), ("redis-server", PROGRAM)),
    (faults.RedisStopped(path="/srv", program=PROGRAM, broken="/etc/r"), ("redis-server", PROGRAM, "/etc/r")),
    (faults.RedisKilled(path="/srv", program=PROGRAM), ("redis-server", PROGRAM)),
    (faults.RedisLoading(path="/srv", program=PROGRAM, config="/etc/r"), ("redis-server", PROGRAM, "/etc/r")),
    (faults.RedisFull(path="/srv", program=PROGRAM), ("redis-server", PROGRAM)),
    (faults.RedisFull(path="/srv", program=PROGRAM, shared=True), ("redis-server", PROGRAM, *CONFIGURED)),
    (faults.RedisPassword(path="/srv", program=PROGRAM, told=True), ("redis-server", PROGRAM, *CONFIGURED)),
    (faults.RedisPassword(path="/srv", program=PROGRAM, told=False), ("redis-server", PROGRAM)),
    (faults.RedisReplica(path="/srv", program=PROGRAM), ("redis-server", PROGRAM)),
    (faults.CacheElsewhere(path="/srv", program=PROGRAM), ("redis-server", PROGRAM, *CONFIGURED)),
    (faults.JobsFailed(php="php8.3", path="/srv", recorded=3), ("agency.failed_jobs",)),
    (
        faults.SecretChanged(path="/srv", program=PROGRAM, url="https://example.com/hook"),
        ("/srv/.env", "/srv/bootstrap/cache/config.php", PROGRAM),
    ),
    (faults.RouteBroken(path="/srv", url="https://example.com/hook"), ("/srv/routes/machine.php",)),
    (faults.StoreStopped(unit=UNIT, program=PROGRAM), (UNIT, PROGRAM)),
]


@pytest.mark.parametrize(("fault", "disturbed"), DISTURBED, ids=lambda value: getattr(value, "kind", None))
def test_a_fault_says_what_it_disturbs(fault: Fault, disturbed: tuple[str, ...]) -> None:
    assert fault.disturbs() == disturbed
    assert fault.describe()


def test_every_stock_fault_is_in_that_table_or_rehearsed() -> None:
    exported = {getattr(faults, name) for name in faults.__all__}
    stock = {each for each in exported if isinstance(each, type) and issubclass(each, Fault)} - {Fault}
    cases = [case.fault for playbook in STOCK for case in playbook.cases(EXAMPLE)]
    # A fault may hold another one: what hinders the way out of it.
    rehearsed = {type(each) for fault in cases for each in (fault, *dict(fault).values()) if isinstance(each, Fault)}
    assert stock == rehearsed | {type(fault) for fault, _ in DISTURBED}


def test_cases_are_declared_for_a_host_and_its_names() -> None:
    def on(host: Host) -> set[str]:
        return {name for case in app_down.cases(host) for name in case.fault.disturbs()}

    other = EXAMPLE.model_copy(update={"settings": EXAMPLE.settings.model_copy(update={"nginx_unit": "openresty"})})
    assert "openresty" in on(other)
    assert "nginx" not in on(other)
