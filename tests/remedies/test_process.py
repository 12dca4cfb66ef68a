"""Truth table: a process that runs away is ended, or another step is named."""

from functools import partial

import pytest

from remediate.core.facts import Facts
from remediate.core.remedy import NotYet, Proven
from remediate.core.vantage import Vantage
from remediate.core.verdict import Decision
from remediate.errors import Unreadable
from remediate.probes.http import HttpFailure, Site
from remediate.programs.processes import end_processes
from remediate.remedies.process import EndProcess
from support import examples as ex
from support import load_examples as exl
from support import toys
from support.render import surveyed
from support.runaways import CULPRITS, END, OURS, PATH, USAGE, WORKER, facts

decide = partial(toys.decide, END)


@pytest.mark.parametrize("name", CULPRITS)
def test_whose_process_it_is(name: str) -> None:
    process, expected = CULPRITS[name]
    assert decide(facts(process)) == expected
    assert decide(facts(process.model_copy(update={"excess": None}))) == "skip"


def test_nobody_runs_away() -> None:
    assert decide(facts()) == "skip"


def test_every_reason_to_refuse_is_reached() -> None:
    reached = {decide(facts(process)) for process, _ in CULPRITS.values()}
    reached.add(decide(facts(CULPRITS["a database"][0], queries=exl.SLOW_QUERY)))
    reached.add(decide(facts(OURS, app=ex.IN_MAINTENANCE)))
    reached.add(decide(facts(OURS, deploy=ex.DEPLOYING)))
    reached.add(decide(facts(OURS, usage=exl.busy(OURS, cores=16))))
    assert reached == {"proceed", "skip", *(code.name for code in EndProcess.refusals)}


def test_ours_is_ended_whatever_else_runs_away() -> None:
    root = CULPRITS["root's"][0].model_copy(update={"pid": 5})
    given = facts(OURS, root)
    assert decide(given) == "proceed"
    (step,) = END.apply(Facts(given))
    assert step == end_processes(["283:2379313"], "forge", 10, left="kill")


def test_a_worker_is_asked_and_never_forced() -> None:
    steps = list(END.apply(Facts(facts(WORKER, OURS, exl.process(9, user="ops")))))
    assert [(step.user, step.argv[-2:]) for step in steps] == [
        ("forge", ("10", "kill")),
        ("forge", ("30", "wait")),
        ("ops", ("10", "kill")),
    ]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("php8.2", "php artisan invoices:charge --all"),
        ("php8.2", f"/usr/bin/php8.2 -d {'x' * 90}"),
        ("sh", f"sh -c php {PATH}/artisan invoices:charge --all"),
    ],
)
def test_what_may_be_in_the_middle_of_a_job_is_never_forced(name: str, arguments: str) -> None:
    (step,) = END.apply(Facts(facts(exl.process(name=name, arguments=arguments))))
    assert step == end_processes(["283:2379313"], "forge", 30)


def test_who_harms_nobody_is_left_to_work() -> None:
    # On a machine with many cores, every page at 200: it may be what charges the invoices.
    calm = facts(OURS, usage=exl.busy(OURS, cores=16))
    page = Site(url="https://example.com/", asked_from=Vantage.CONTROLLER)
    asking = END.model_copy(update={"pages": (page,)})
    assert decide(calm) == "process-left"
    assert "pages answer, cores and memory suffice" in END.guard(Facts(calm)).reason
    assert toys.decide(asking, {**calm, page: ex.page()}) == "process-left"
    assert toys.decide(asking, {**calm, page: ex.page(504)}) == "proceed"
    assert toys.decide(asking, {**calm, page: ex.no_page(HttpFailure.TIMEOUT)}) == "proceed"
    assert toys.decide(asking, {**calm, page: Unreadable("no network")}) == "unreadable"
    assert toys.decide(asking, {**facts(OURS), page: ex.page()}) == "proceed"
    exhausted = calm[USAGE].model_copy(update={"memory_kib": 24_000_000})  # type: ignore[union-attr]  # stated above
    assert decide(facts(OURS, usage=exhausted)) == "proceed"
    assert toys.decide(END.model_copy(update={"even_if_pages_answer": True}), calm) == "proceed"
    root = CULPRITS["root's"][0]
    assert decide(facts(usage=exl.busy(OURS, root, cores=16))) == "foreign-process"


def test_every_command_is_one_that_sudo_can_be_told_to_allow() -> None:
    steps = {step.permission for step in END.apply(Facts(facts(WORKER, OURS, exl.process(9, user="ops"))))}
    assert steps <= {run.permission for run in END.changes()}
    assert {run.user for run in EndProcess(login=None).changes()} == {"forge"}


def test_a_deploy_and_maintenance_stand_in_its_way() -> None:
    verdict = END.guard(Facts(facts(OURS, deploy=ex.DEPLOYING)))
    assert (verdict.decision, verdict.code and verdict.code.name) == (Decision.WAIT, "deploy-running")
    assert decide(facts(OURS, app=ex.IN_MAINTENANCE)) == "maintenance-mode"
    assert decide(facts(deploy=ex.DEPLOYING, app=ex.IN_MAINTENANCE)) == "skip"


def test_the_query_and_not_the_database() -> None:
    database = CULPRITS["a database"][0]
    verdict = END.guard(Facts(facts(database, queries=exl.SLOW_QUERY)))
    assert verdict.code is not None
    assert verdict.code.name == "query-cause"
    assert "query 1273 of agency on agency, for 94 s: `select ? from payments`" in verdict.reason
    assert "KILL QUERY 1273" in verdict.reason
    assert decide(facts(database, queries=Unreadable("the database does not answer"))) == "unreadable"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("root's", "manually: sudo kill -TERM 283"),
        ("of a unit that would start it again", "Manually: sudo systemctl stop import.service"),
        ("of a user's own service", "Manually: as forge: systemctl --user stop import.service"),
        ("supervised, and no worker", "Manually: sudo supervisorctl stop PROGRAM, the PROGRAM with pid 283 or 1 in"),
        ("protected by the inventory", "never ended"),
    ],
)
def test_a_refusal_names_the_process_and_what_to_type(name: str, told: str) -> None:
    process, _ = CULPRITS[name]
    reason = END.guard(Facts(facts(process))).reason
    assert told in reason
    assert f"(pid 283, user {process.user}" in reason
    assert "99 % CPU" in reason


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("typesense-serve", "typesense-server --data /srv"), ("MainThread", "/opt/bin/typesense-server")],
)
def test_a_protected_name_is_longer_than_the_kernels_or_the_programs(name: str, arguments: str) -> None:
    protecting = END.model_copy(update={"protected": ("typesense-server",)})
    process = OURS.model_copy(update={"name": name, "arguments": arguments})
    for remedy, decision in ((protecting, Decision.REFUSE), (END, Decision.PROCEED)):
        verdict = remedy.guard(Facts(facts(process)))
        assert verdict.decision is decision
    assert "never ended" in protecting.guard(Facts(facts(process))).reason


def test_one_that_came_back_is_not_ended() -> None:
    again = exl.process(999, started=2_380_000, age=1, excess=None)
    result = END.verify(surveyed(facts(OURS)), surveyed(facts(again)))
    assert result == NotYet(reason="it came back as pid 999, child of 1: what starts it has to stop")
    other = again.model_copy(update={"arguments": "gzip"})
    assert isinstance(END.verify(surveyed(facts(OURS)), surveyed(facts(other))), Proven)


def test_one_that_is_still_there_but_quiet_is_not_ended() -> None:
    quiet = OURS.model_copy(update={"excess": None, "cpu": 0})
    assert END.verify(surveyed(facts(OURS)), surveyed(facts(quiet))) == NotYet(reason="sh (pid 283) is still there")
    worker = END.verify(surveyed(facts(WORKER)), surveyed(facts(WORKER)))
    assert isinstance(worker, NotYet)
    assert worker.reason.endswith(f"was asked to end: `sudo kill -KILL {WORKER.pid}` breaks its job off")
