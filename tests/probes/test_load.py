"""The machine's load and slow queries, from a staging host and others."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.load import Load, SlowQueries

LOADED = """loadavg 0.75 2.76 7.36 1/231 218
cores 2
container podman
MemTotal:       24684084 kB
MemAvailable:   23681024 kB
SwapTotal:             0 kB
SwapFree:              0 kB
"""


def test_load_and_memory_of_the_machine_around_a_container() -> None:
    load = Load().read(Output(stdout=LOADED))
    assert (load.ok, load.container) == (True, True)
    assert load.describe() == "0.75 on 2 cores, memory 5 % (of the machine around this container)"


def test_memory_that_is_short() -> None:
    told = LOADED.replace("podman", "none").replace("23681024", "681024")
    assert Load().read(Output(stdout=told)).ok is False
    swapped = LOADED.replace("podman", "none").replace("SwapTotal:             0", "SwapTotal: 1000")
    load = Load().read(Output(stdout=swapped))
    assert (load.ok, load.describe()) == (False, "0.75 on 2 cores, memory 5 %, swap 100 %")


@pytest.mark.parametrize("said", ["", "loadavg \n", LOADED.replace("kB", "Kio"), LOADED.replace("0.75", "0,75")])
def test_load_that_was_not_told_is_unknown(said: str) -> None:
    with pytest.raises(Unreadable):
        Load().read(Output(stdout=said))


QUERIES = SlowQueries(php="php8.2", path="/home/forge/agency-platform", user="forge", seconds=2)
QUERY = (
    '\nremediate:{"driver":"mysql","queries":[{"id":39,"user":"agency","database":"agency","seconds":4,"state":"",'
    '"statement":"set statement max_statement_time=? for select benchmark(?, md5(?))"}]}\n'
)


def test_a_query_that_runs_for_long() -> None:
    queries = QUERIES.read(Output(stdout=QUERY))
    assert queries.ok is False
    assert queries.describe() == (
        "query 39 of agency on agency, for 4 s: `set statement max_statement_time=? for select benchmark(?, md5(?))`"
    )
    assert QUERIES.read(Output(stdout='\nremediate:{"driver":"sqlite","queries":[]}\n')).ok is True


@pytest.mark.parametrize(
    "said",
    [
        "",
        '\nremediate:{"driver":"mysql","queries":[],"failed":2002}\n',
        '\nremediate:{"driver":"mysql","queries":[{"id":39}]}\n',
        "\nremediate:[]\n",
    ],
)
def test_queries_that_were_not_told_are_unknown(said: str) -> None:
    with pytest.raises(Unreadable):
        QUERIES.read(Output(stdout=said, exit=0 if said else 255))
