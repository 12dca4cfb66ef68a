"""A real host's answers about failed jobs and the queue."""

import json

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.queue import FailedJobs, QueueFlow, Retried, StoreTrouble
from support import payment_examples as pay

PATH = "/home/forge/agency-platform"
FAILED = FailedJobs(php="php8.2", path=PATH, user="forge", classes=(pay.RECORDS, pay.CHARGES))
FLOW = QueueFlow(php="php8.2", path=PATH, user="forge")

THREE = r"""
remediate:{"state":"ok","by":"uuid","kinds":[["App\\Jobs\\ChargeCustomer","ErrorException","default"],["App\\Jobs\\RecordStripePayment","PDOException","default"]],"jobs":[[61,"1834e024-75a6-4ba2-8cdd-63286986bf7c",3,"no",1],[62,"8ee06b29-2af0-41b2-816f-aab46c910226",3,"again",1],[63,"e3723fa8-4039-4fc4-9193-813a209a340a",null,"interrupted",0]],"others":0,"more":false}
"""
EMPTY = '\nremediate:{"state":"ok","by":"uuid","kinds":[],"jobs":[],"others":0,"more":false}\n'
IDLE = '\nremediate:{"state":"ok","connection":"redis","driver":"redis","waiting":0,"retried":[],"more":false}\n'
NO_REDIS = '\nremediate:{"state":"failed","why":"refused","code":0}\n'
NO_DATABASE = '\nremediate:{"state":"failed","why":"refused","code":2002}\n'


def test_failed_jobs() -> None:
    state = FAILED.read(Output(stdout=THREE))
    assert [(job.row, job.name, job.exception, job.hours, job.retried) for job in state.jobs] == [
        (61, pay.RECORDS, "PDOException", 3, Retried.NO),
        (62, pay.RECORDS, "PDOException", 3, Retried.AGAIN),
        (63, pay.CHARGES, "ErrorException", None, Retried.INTERRUPTED),
    ]
    assert [job.id for job in state.jobs] == [job.uuid for job in state.jobs]
    assert state.ok is False
    assert state.describe() == (
        r"2 x App\Jobs\RecordStripePayment (PDOException), 1 x App\Jobs\ChargeCustomer (ErrorException), up to 3 h old"
    )
    assert state.jobs[2].describe().endswith(r"(App\Jobs\ChargeCustomer, of unknown age, ErrorException)")


def test_none() -> None:
    state = FAILED.read(Output(stdout=EMPTY))
    assert (state.ok, state.describe()) == (True, "none")


def test_where_no_class_is_declared_a_failed_job_only_informs() -> None:
    everything = FAILED.model_copy(update={"classes": ()})
    assert everything.read(Output(stdout=THREE)).ok is None
    assert everything.read(Output(stdout=EMPTY)).ok is None
    assert everything.read(Output(stdout=NO_DATABASE)).ok is False


def test_more_than_can_be_listed_is_never_none() -> None:
    state = FAILED.read(Output(stdout=EMPTY.replace('"others":0', '"others":5')))
    assert state.ok is False


def test_none_among_the_newest_of_too_many_is_unknown() -> None:
    state = FAILED.read(Output(stdout=EMPTY.replace('"more":false', '"more":true')))
    assert state.ok is None
    assert state.describe().startswith("unknown: none among the newest")
    assert FAILED.read(Output(stdout=THREE.replace('"more":false', '"more":true'))).ok is False


def test_jobs_that_are_known_by_their_row() -> None:
    state = FAILED.read(Output(stdout=THREE.replace('"by":"uuid"', '"by":"row"')))
    assert [job.id for job in state.jobs] == ["61", "62", "63"]
    assert state.jobs[0].uuid == "1834e024-75a6-4ba2-8cdd-63286986bf7c"


def test_a_long_list_stays_below_what_an_answer_may_have() -> None:
    jobs = [[10_000_000 + row, "1834e024-75a6-4ba2-8cdd-63286986bf7c", 719, "interrupted", 24] for row in range(300)]
    kinds = [[f"App\\Jobs\\{'L' * 50}", "Illuminate\\Database\\QueryException", "default"]] * 25
    told = {"state": "ok", "by": "uuid", "kinds": kinds, "jobs": jobs, "others": 999_999, "more": True}
    text = f"\nremediate:{json.dumps(told, separators=(',', ':'))}\n"
    assert len(text) < 32 * 1024
    assert len(FAILED.read(Output(stdout=text)).jobs) == 300


def test_the_queue() -> None:
    state = FLOW.read(Output(stdout=IDLE))
    assert (state.ok, state.describe()) == (True, "redis answers, 0 jobs in it")
    busy = FLOW.read(Output(stdout=IDLE.replace('"waiting":0,"retried":[]', '"waiting":4,"retried":["a"]')))
    assert busy.describe() == "redis answers, 4 jobs in it, 1 of them retried"
    many = FLOW.read(Output(stdout=IDLE.replace('[],"more":false', '["a"],"more":true')))
    assert many.describe().endswith("more than 1 of them retried")


@pytest.mark.parametrize(("why", "said"), [("denied", "denies access"), ("loading", "is still loading")])
def test_stores_that_cannot_be_used(why: str, said: str) -> None:
    down = FLOW.read(Output(stdout=NO_REDIS))
    assert (down.ok, down.trouble, down.describe()) == (False, StoreTrouble.REFUSED, "its store does not answer")
    database = FAILED.read(Output(stdout=NO_DATABASE))
    assert (database.ok, database.describe()) == (False, "their database does not answer")
    assert said in FLOW.read(Output(stdout=NO_REDIS.replace("refused", why))).describe()


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "Die Umgebungsdatei ist ungültig!\n", "remediate:\n", "remediate:null\n", "remediate:[]\n"),
        THREE[:200],
        THREE.replace('"no",1]', '"no",7]'),
        THREE.replace('"no",1]', '"no",-1]'),
        THREE.replace('"again"', '"perhaps"'),
        THREE.replace("8ee06b29-2af0-41b2-816f-aab46c910226", "x; rm -rf"),
        THREE.replace("61,", '"61",').replace("1834", "²"),
        NO_DATABASE.replace("refused", "unheard-of"),
        '\nremediate:{"state":"unsupported","driver":"dynamodb"}\n',
        '\nremediate:{"state":"unsupported","connection":"sqs","driver":"sqs","waiting":0,"retried":[]}\n',
    ],
)
def test_anything_else_is_unknown(text: str) -> None:
    for probe in (FAILED, FLOW):
        with pytest.raises(Unreadable):
            probe.read(Output(stdout=text))


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(Unreadable, match="driver 'dynamodb', which cannot be asked"):
        FAILED.read(Output(stdout='\nremediate:{"state":"unsupported","driver":"dynamodb"}\n'))
    with pytest.raises(Unreadable, match="'sqs' cannot be examined"):
        FLOW.read(Output(stdout='\nremediate:{"state":"unsupported","driver":"sqs"}\n'))


def test_a_cut_answer_is_unknown() -> None:
    with pytest.raises(Unreadable, match="too long"):
        FAILED.read(Output(stdout=THREE, cut=True))
