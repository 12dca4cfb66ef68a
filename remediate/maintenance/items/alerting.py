"""Proof of a Prometheus alert: loaded, evaluated, able to fire, and routed to a receiver."""

from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from remediate.core.facts import Facts
from remediate.core.monitoring import LOOPBACK, Prometheus
from remediate.core.playbook import Probes
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.maintenance.partial_finding import Part
from remediate.probes import promql
from remediate.probes.alertmanager import AlertmanagerRouting
from remediate.probes.http import HttpAnswer, HttpFailure
from remediate.probes.page import Page
from remediate.probes.prometheus import Alertmanagers, AlertmanagersOf, ConfigurationAge, PrometheusTime, Series
from remediate.probes.prometheus_rules import AlertRule, AlertRules

_MISSED: Final = 4
"""Evaluations that a rule may miss, because it was slow or Prometheus was restarted."""
_PATIENCE: Final = 180.0
"""Age in seconds up to which an evaluation is never called old."""
_DISCOVERY: Final = 20.0
"""Seconds after a start or reload within which Prometheus may not know its Alertmanager."""
_SELECTORS: Final = 12
"""Limit of selectors in a rule; each costs a separate query."""
_UNPROVEN: Final = "not proven: no alert was sent, and silences were not looked at"
_LONGEST: Final = 800
"""Limit of characters in a selector that is queried."""
_HERE: Final = "localhost"
"""One name for all loopback addresses, for comparison."""


class Alert(NamedTuple):
    """One alert that the inventory names."""

    prometheus: Prometheus
    name: str
    instance: str | None
    key: str
    """Its key in the inventory: remediate.monitoring.disk."""

    @property
    def url(self) -> str:
        """The address of Prometheus."""
        return str(self.prometheus.url).rstrip("/")

    @property
    def yes(self) -> str:
        """The summary when everything is fine."""
        return f"alert {self.name} is evaluated, can fire, and has a receiver"

    def _ready(self, url: str) -> Page:
        return Page(url=f"{url.rstrip('/')}/-/ready", asked_from=self.prometheus.vantage)

    @property
    def _rules(self) -> AlertRules:
        return AlertRules(url=self.url, asked_from=self.prometheus.vantage, alert=self.name)

    @property
    def _time(self) -> PrometheusTime:
        return PrometheusTime(url=self.url, asked_from=self.prometheus.vantage)

    @property
    def _senders(self) -> AlertmanagersOf:
        return AlertmanagersOf(url=self.url, asked_from=self.prometheus.vantage)

    @property
    def _configuration(self) -> ConfigurationAge:
        return ConfigurationAge(url=self.url, asked_from=self.prometheus.vantage)

    def _series(self, selector: promql.Selector) -> Series:
        vector = selector.vector(self.instance)
        if len(vector) > _LONGEST:
            raise Unreadable(f"a selector of {len(vector)} characters in {self.name} is too long to be checked")
        return Series(url=self.url, asked_from=self.prometheus.vantage, vector=vector)

    def _routing(self, url: str) -> AlertmanagerRouting:
        return AlertmanagerRouting(url=url.rstrip("/"), asked_from=self.prometheus.vantage)

    # -- asking --------------------------------------------------------------------------------------------------------

    def probes(self) -> Probes:
        """Return the probes of the first survey."""
        other = None if self.prometheus.alertmanager is None else str(self.prometheus.alertmanager)
        notified = () if other is None else (self._ready(other), self._routing(other))
        return (self._ready(self.url), self._rules, self._time, self._configuration, self._senders, *notified)

    def further(self, facts: Facts) -> Probes:
        """Return the probes for the series that the rules are about."""
        try:
            rules = facts[self._rules].rules
        except Unreadable:  # `judge` reports it
            return ()
        asked: list[Series] = []
        for rule in rules:
            try:
                for selector in self._expression(rule).selectors:
                    asked.extend(self._series(each) for each in (selector, selector.bare) if each is not None)
            except Unreadable:
                continue
        return tuple(dict.fromkeys(asked))

    def _expression(self, rule: AlertRule) -> promql.Expression:
        found = promql.read(rule.query)
        if len(found.selectors) > _SELECTORS:
            raise Unreadable(f"{self.name} is about {len(found.selectors)} sets of series, too many to look into")
        return found

    # -- judging -------------------------------------------------------------------------------------------------------

    def judge(self, facts: Facts) -> Iterator[Part]:
        """Yield the result of each step from the rule to a person. Raises Unreadable."""
        answer = facts[self._ready(self.url)]
        if not answer.ok:
            # A Prometheus that is not ready evaluates no rule, whatever its files say.
            ok = self._gone(answer)
            says = f"nobody evaluates {self.name}" if ok is False else f"whether {self.name} is evaluated is not known"
            advice = (f"start Prometheus, or correct remediate.monitoring.prometheus.url ({self.url})",)
            yield Part(ok, f"{says}: Prometheus: {answer.describe()}", advice=advice)
            return
        rules = facts[self._rules].rules
        if not rules:
            advice = (f"load a rule of that name in Prometheus, or correct {self.key}.alert",)
            yield Part(False, f"Prometheus has no alert rule called {self.name}", advice=advice)
        for rule in rules:
            yield self._evaluated(rule, facts)
            yield from self._fires(rule, facts)
            yield from self._told(rule, facts)

    def _gone(self, answer: HttpAnswer) -> bool | None:
        """Return False if nothing listens there, and None if that is not certain.

        If the controller asked, the connection may be refused to the controller alone.
        """
        return False if answer.failure is HttpFailure.REFUSED and self.prometheus.vantage is Vantage.HOST else None

    def _evaluated(self, rule: AlertRule, facts: Facts) -> Part:
        if rule.health == "err":
            advice = (f"correct the rule: {_line(rule.query)}",)
            return Part(False, f"rule {rule.name} fails whenever it is evaluated: {_line(rule.error)}", advice=advice)
        if rule.evaluated is None:
            return Part(None, f"rule {rule.name} has not been evaluated yet", advice=("look again in a minute",))
        age = (facts[self._time].at - rule.evaluated).total_seconds()
        if age > max(_PATIENCE, _MISSED * rule.interval):
            advice = ("find out why Prometheus does not evaluate its rules: its log, prometheus_rule_group_* metrics",)
            return Part(False, f"rule {rule.name} was last evaluated {age / 60:.0f} min ago", advice=advice)
        now = "it fires at present" if rule.state == "firing" else f"state {_line(rule.state)}"
        says = f"rule {rule.name} was evaluated {max(0.0, age):.0f} s ago by Prometheus's clock, {now}"
        # Only a person can judge whether the threshold makes sense.
        return Part(True, says, evidence=(f"its expression: {_line(rule.query)}",))

    def _fires(self, rule: AlertRule, facts: Facts) -> Iterator[Part]:
        try:
            expression = self._expression(rule)
            found = [self._found(selector, facts) for selector in expression.selectors]
        except Unreadable as why:
            yield Part(None, f"whether {rule.name} can fire is not known: {why}")
            return
        missing = [part for part in found if part.ok is not True]
        spared = len(missing) < len(found) or expression.constant
        if missing and expression.lenient and spared:
            # One alternative is enough for this rule, and only a person knows for which of them it was written.
            missing = [part._replace(ok=None) for part in missing]
        yield from (part for part in found if part.ok)
        yield from missing
        if not found:
            yield Part(True, f"rule {rule.name} needs no series in order to fire")

    def _found(self, selector: promql.Selector, facts: Facts) -> Part:
        """Return the part that says whether a selector has any series. Raises Unreadable."""
        instances = [(_line(name), count) for name, count in facts[self._series(selector)].instances]
        shown, count = _line(selector.shown), sum(count for _, count in instances)
        named = ", ".join(name or "no instance" for name, _ in instances[:5])
        if len(instances) > 1:
            more = f" and {len(instances) - 5} more" if len(instances) > 5 else ""
            advice = (f"say which of them is this host: {self.key}.instance",)
            return Part(None, f"{shown} has series of several things: {named}{more}", advice=advice)
        if instances and self.instance is None and not self.prometheus.on_host:
            advice = (f"say what it calls this host: {self.key}.instance",)
            return Part(None, f"{shown} has series of {named}: whether that is this host is not known", advice=advice)
        if instances:
            return Part(True, f"{shown} has {count} series now, of {named}")
        of = "" if self.instance is None else f" of {self.instance}"
        if selector.bare is not None and facts[self._series(selector.bare)].instances:
            says = f"no series{of} matches {shown}: a mistake, or what it is about has not happened yet"
            return Part(None, says, advice=(f"compare the labels in the rule with those of {selector.name}",))
        advice = (f"see to it that {selector.name or shown} is delivered: its exporter, its scrape job",)
        return Part(False, f"{self.name} cannot fire: there is no series{of} of {shown}", advice=advice)

    def _told(self, rule: AlertRule, facts: Facts) -> Iterator[Part]:
        senders = facts[self._senders]
        if not senders.active:
            yield self._sent_nowhere(facts)
            return
        if self.prometheus.alertmanager is None:
            advice = ("write its address: remediate.monitoring.prometheus.alertmanager",)
            yield Part(None, f"whether the Alertmanager answers is not known ({senders.describe()})", advice=advice)
            return
        url = str(self.prometheus.alertmanager).rstrip("/")
        if not self._is_sent_to(url, senders):
            advice = (f"write the one that it sends to: remediate.monitoring.prometheus.alertmanager ({url})",)
            says = f"Prometheus sends to {senders.describe()}, which is not known to be the Alertmanager at {url}"
            yield Part(None, says, advice=advice)
            return
        answer = facts[self._ready(url)]
        if not answer.ok:
            # If there are several Alertmanagers, one of them may be down: each of them notifies.
            ok = self._gone(answer) if len(senders.active) == 1 else None
            says = "nobody is notified of any alert" if ok is False else "it is not known if anybody is notified"
            advice = (f"start the Alertmanager, or correct remediate.monitoring.prometheus.alertmanager ({url})",)
            yield Part(ok, f"{says}: Alertmanager: {answer.describe()}", advice=advice)
            return
        yield Part(True, f"Prometheus sends to {senders.describe()}; the Alertmanager at {url} is ready")
        yield self._received(rule, facts, url)

    def _sent_nowhere(self, facts: Facts) -> Part:
        advice = ("name an Alertmanager in Prometheus's configuration (alerting.alertmanagers)",)
        try:
            age = (facts[self._time].at - facts[self._configuration].loaded).total_seconds()
        except Unreadable as why:
            return Part(None, f"Prometheus knows no Alertmanager, perhaps not yet: {why}", advice=advice)
        if age < _DISCOVERY:
            says = f"Prometheus was started or reloaded {max(0.0, age):.0f} s ago and has found no Alertmanager yet"
            return Part(None, says, advice=("look again in a minute",))
        return Part(False, "Prometheus knows no Alertmanager: nobody is notified of any alert", advice=advice)

    def _is_sent_to(self, url: str, senders: Alertmanagers) -> bool:
        """Return whether the URL is one of the senders' targets.

        Where Prometheus says localhost, it means its own machine.
        """
        wanted, (home, _) = _place(url), _place(self.url)
        found = {(home if host == _HERE else host, port) for host, port in map(_place, senders.active)}
        return wanted in found

    def _received(self, rule: AlertRule, facts: Facts, url: str) -> Part:
        labels = {**dict(rule.labels), "alertname": rule.name}
        receivers = facts[self._routing(url)].receivers(labels)
        told = [each for each in receivers if each.means]
        silent = ", ".join(_line(each.name) for each in receivers if not each.means)
        if not told:
            advice = (f"give the receiver a means (email_configs, webhook_configs …), or route {rule.name} to another",)
            return Part(False, f"{rule.name} reaches nobody: receiver {silent} has no means to tell", advice=advice)
        named = ", ".join(f"{_line(each.name)} ({', '.join(map(_line, each.means))})" for each in told)
        if silent:
            advice = ("see where it is routed: amtool config routes test",)
            says = f"{rule.name} goes to {named}, or to {silent}, which notifies nobody: that depends on its labels"
            return Part(None, says, advice=advice)
        return Part(True, f"{rule.name} goes to {named}", evidence=(_UNPROVEN,))


def _place(url: str) -> tuple[str, int | None]:
    """Return host and port of a URL; empty and None if it cannot be read."""
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
    except ValueError:
        return "", None
    usual = 443 if split.scheme == "https" else 80
    return _HERE if host in LOOPBACK else host, port or usual


def _line(text: str) -> str:
    """Return a server's text, shortened for one line."""
    text = " ".join(text.split())
    return text if len(text) <= 160 else f"{text[:160]}…"
