"""A host that is watched, and what its Prometheus and Alertmanager answer."""

from remediate.core.vantage import Vantage
from remediate.probes.alertmanager import AlertmanagerRouting
from remediate.probes.page import Page
from remediate.probes.prometheus import AlertmanagersOf, ConfigurationAge, PrometheusTime, Series
from remediate.probes.prometheus_rules import AlertRules
from support import examples as ex
from support import watching_examples as exw
from support.checklist import Known

PROMETHEUS, ALERTMANAGER = "http://127.0.0.1:9090", "http://127.0.0.1:9093"
HERE = Vantage.HOST
BOTH = {"url": PROMETHEUS, "alertmanager": ALERTMANAGER}
READY = Page(url=f"{PROMETHEUS}/-/ready", asked_from=HERE)
TELLS = Page(url=f"{ALERTMANAGER}/-/ready", asked_from=HERE)
RULES = AlertRules(url=PROMETHEUS, asked_from=HERE, alert="DiskSpaceLow")
TIME = PrometheusTime(url=PROMETHEUS, asked_from=HERE)
CONFIGURATION = ConfigurationAge(url=PROMETHEUS, asked_from=HERE)
SENDERS = AlertmanagersOf(url=PROMETHEUS, asked_from=HERE)
ROUTES = AlertmanagerRouting(url=ALERTMANAGER, asked_from=HERE)


def found(vector: str) -> Series:
    return Series(url=PROMETHEUS, asked_from=HERE, vector=vector)


SERIES = found("node_filesystem_avail_bytes")
WELL: Known = {
    READY: ex.page(),
    TELLS: ex.page(),
    RULES: exw.loaded(exw.rule()),
    TIME: exw.SERVER_TIME,
    CONFIGURATION: exw.CONFIGURED,
    SENDERS: exw.SENDS,
    ROUTES: exw.ROUTING,
    SERIES: exw.series("web1:9100"),
}
