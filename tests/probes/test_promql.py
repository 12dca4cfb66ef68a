"""Series selectors in PromQL expressions, told from everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.errors import Unreadable
from remediate.probes.promql import Selector, read

EXPRESSIONS = {
    "mysql_up == 0": ["mysql_up"],
    'up{job="node"} == 0': ['up{job="node"}'],
    "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1": [
        *("node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
    ],
    'a{x="}\\"{"} > 1e-9 and on (instance, job) b{y=~"c|d"} == 0x1F': ['a{x="}\\"{"}', 'b{y=~"c|d"}'],
    "sum by (instance) (rate(http_requests_total{code=~'5..'}[5m])) > 10": ["http_requests_total{code=~'5..'}[5m]"],
    "sum(rate(a[5m])) by (job) / sum without (x) (rate(b[1h30m] offset 1d))": ["a[5m]", "b[1h30m]"],
    "histogram_quantile(0.99, sum by (le) (rate(d_bucket[5m]))) > 1": ["d_bucket[5m]"],
    "predict_linear(node_filesystem_avail_bytes[6h], 4 * 3600) < 0": ["node_filesystem_avail_bytes[6h]"],
    "a * on (x) group_left (y) b": ["a", "b"],
    "a * on (x) group_left b": ["a", "b"],
    "a > bool b": ["a", "b"],
    "a and(b)": ["a", "b"],
    "max_over_time((a + b)[1h:5m])": ["a", "b"],
    "max_over_time(a[1h:5m]) @ start()": ["a"],
    "a @ 1609746000 offset -5m": ["a"],
    '{__name__="node load", job="x"} > 1': ['{__name__="node load", job="x"}'],
    'label_replace(a, "to", "$1", "from", "(.*)") > 0': ["a"],
    "topk(3, a) # b is not here\n> +Inf": ["a"],
    "job:requests:rate5m > 1": ["job:requests:rate5m"],
    "probe_ssl_earliest_cert_expiry - time() < 86400 * 14": ["probe_ssl_earliest_cert_expiry"],
    "a > 1 or a < -1": ["a"],
    "count_values('version', build_info) > 1": ["build_info"],
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_selectors_of_an_expression(expression: str) -> None:
    assert [selector.shown for selector in read(expression).selectors] == EXPRESSIONS[expression]


@pytest.mark.parametrize(
    ("expression", "selectors", "lenient", "constant"),
    [
        ("absent(up)", [], False, True),
        ("absent(up{job='x'}) or up == 0", ["up"], True, True),
        ("absent_over_time(a[5m])", [], False, True),
        ("a unless b", ["a", "b"], True, False),
        ("sum(a) or vector(0)", ["a"], True, True),
        ("vector(1)", [], False, True),
        ("a == 0", ["a"], False, False),
    ],
)
def test_what_may_be_missing(expression: str, selectors: list[str], lenient: bool, constant: bool) -> None:
    found = read(expression)
    assert [selector.shown for selector in found.selectors] == selectors
    assert (found.lenient, found.constant) == (lenient, constant)


@pytest.mark.parametrize("expression", ["a)", "(a", "a{b", "sum by (a", "a § b", 'a{b="c'])
def test_what_cannot_be_followed_is_unreadable(expression: str) -> None:
    with pytest.raises(Unreadable, match="cannot be parsed"):
        read(expression)


@pytest.mark.parametrize(
    ("selector", "instance", "expected"),
    [
        (Selector("a"), None, "a"),
        (Selector("a"), "web1:9100", 'a{instance="web1:9100"}'),
        (Selector("a", 'b="c",'), "web1:9100", 'a{b="c",instance="web1:9100"}'),
        (Selector("a", 'b="c"', "5m"), None, 'count_over_time(a{b="c"}[5m])'),
        (Selector("", 'job="x"'), None, '{job="x"}'),
    ],
)
def test_the_vector_whose_series_are_counted(selector: Selector, instance: str | None, expected: str) -> None:
    assert selector.vector(instance) == expected


def test_the_same_metric_whatever_its_labels() -> None:
    assert Selector("a", 'b="c"').bare == Selector("a")
    assert Selector("a").bare is None
    assert Selector("", 'job="x"').bare is None


def test_all_series_of_a_metric_are_never_asked_for_over_a_range() -> None:
    bare = Selector("http_requests_total", 'code="500"', "30d").bare
    assert bare is not None
    assert bare.vector() == "http_requests_total"


@given(st.text("ab({[]})\"'`,=~!5m #orby\\\n", max_size=80))
def test_whatever_is_written_ends_in_an_answer(text: str) -> None:
    try:
        found = read(text)
    except Unreadable:
        return
    assert len(set(found.selectors)) == len(found.selectors)
