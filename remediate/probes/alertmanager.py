"""Receivers of an Alertmanager, and the routes that lead to them.

Its HTTP API is described by api/v2/openapi.yaml in its repository, and its configuration under
https://prometheus.io/docs/alerting/latest/configuration/. It shows passwords as `<secret>`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from remediate.core.command import Output
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.probes.api import ApiQuestion

_DEEPEST: Final = 20
"""Limit for nested routes: no real tree is that deep, and reading it must end."""
_MATCHER: Final = re.compile(
    r"""\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(?:"([^"\\]*)"|([^\s"\\,{}=~!]+))\s*(?:,|$)"""
)
_WORDS: Final = re.compile(r"\^?\(?[A-Za-z0-9_ -]+(?:\|[A-Za-z0-9_ -]+)*\)?\$?")
"""A regular expression that is only a choice of words.

No other expression that comes from a host is ever run, because it could take forever.
"""


class Matcher(FrozenModel):
    """One condition of a route on one label. An empty operator means that it could not be read."""

    label: str
    operator: Literal["=", "!=", "=~", "!~", ""]
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool | None:
        """Return whether an alert with these labels meets the condition; None if that is unknown."""
        known = labels.get(self.label)
        if known is None or "{{" in known or not self.operator:
            return None
        if self.operator in {"=", "!="}:
            return (known == self.value) is (self.operator == "=")
        if not _WORDS.fullmatch(self.value):
            return None
        return (known in self.value.strip("^()$").split("|")) is (self.operator == "=~")


class Route(FrozenModel):
    """One node of the routing tree: the alerts that it takes, and their receiver."""

    receiver: str = Field(description="inherited from the node above where it names none")
    matchers: tuple[Matcher, ...] = ()
    goes_on: bool = Field(default=False, description="whether its siblings below are tried as well (continue)")
    routes: tuple["Route", ...] = ()

    def takes(self, labels: Mapping[str, str]) -> bool | None:
        """Return whether the route takes an alert with these labels; None if that is unknown."""
        held = [matcher.holds(labels) for matcher in self.matchers]
        return False if False in held else None if None in held else True

    def receivers(self, labels: Mapping[str, str]) -> Iterator[str]:
        """Yield the name of every receiver that an alert may reach through this node."""
        certain = False
        for route in self.routes:
            taken = route.takes(labels)
            if taken is False:
                continue
            yield from route.receivers(labels)
            certain = certain or taken is True
            if taken is True and not route.goes_on:
                return
        if not certain:
            yield self.receiver


class Receiver(FrozenModel):
    """One receiver, and the means by which it is notified."""

    name: str
    means: tuple[str, ...] = Field(description="email, webhook, slack …; none for one who is told nothing")


class Routing(Fact):
    """The routes and receivers of an Alertmanager."""

    route: Route
    tellers: tuple[Receiver, ...] = Field(description="every receiver that is configured")

    @property
    @override
    def ok(self) -> bool | None:
        return any(receiver.means for receiver in self.tellers)

    @override
    def describe(self) -> str:
        told = [each for each in self.tellers if each.means]
        return f"{len(told)} of {len(self.tellers)} receivers have a destination"

    def receivers(self, labels: Mapping[str, str]) -> tuple[Receiver, ...]:
        """Return every receiver that an alert with these labels may reach, each once."""
        known = {receiver.name: receiver for receiver in self.tellers}
        nobody = {name: Receiver(name=name, means=()) for name in dict.fromkeys(self.route.receivers(labels))}
        return tuple(known.get(name, other) for name, other in nobody.items())


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Original(_Data):
    original: str


class _Status(_Data):
    config: _Original


class _Route(_Data):
    receiver: str | None = None
    match: dict[str, str] = {}
    match_re: dict[str, str] = {}
    matchers: tuple[str, ...] = ()
    goes_on: bool = Field(default=False, alias="continue")
    routes: tuple["_Route", ...] = ()


class _Receiver(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    name: str


class _Configuration(_Data):
    route: _Route
    receivers: tuple[_Receiver, ...] = ()


class AlertmanagerRouting(ApiQuestion[Routing]):
    """Ask an Alertmanager which receivers it notifies of which alerts.

    A receiver without any means notifies nobody.
    """

    kind: Literal["alertmanager.routing"] = "alertmanager.routing"
    subject = "Alertmanager's routes"

    @override
    def path(self) -> str:
        return "/api/v2/status"

    @override
    def parse(self, output: Output) -> Routing:
        try:
            text = _Status.model_validate(self.document(output)).config.original
            # YAML aliases let a small text grow without end when it is read. Alertmanager writes none, so they are
            # refused.
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.BaseLoader)):
                raise Unreadable(f"{self.label()}: its configuration has aliases")
            # BaseLoader keeps every scalar as text, so that no YAML tag builds an object or fails to.
            found = _Configuration.model_validate(yaml.load(text, yaml.BaseLoader))  # noqa: S506  # makes str, list, dict
            return Routing(
                route=_route(found.route, "", 0),
                tellers=tuple(Receiver(name=each.name, means=tuple(_means(each))) for each in found.receivers),
            )
        except (ValidationError, yaml.YAMLError, RecursionError, ValueError, OverflowError):
            raise Unreadable(f"{self.label()}: unexpected answer from Alertmanager") from None


def _means(receiver: _Receiver) -> Iterator[str]:
    for key, value in sorted((receiver.model_extra or {}).items()):
        # Only a list counts, because BaseLoader reads an empty value as the text `null` or `~`.
        if key.endswith("_configs") and isinstance(value, list) and value:
            yield key.removesuffix("_configs")


def _route(route: _Route, above: str, depth: int) -> Route:
    if depth > _DEEPEST:
        raise ValueError("routes are nested too deeply")
    receiver = route.receiver or above
    stated = [Matcher(label=label, operator="=", value=value) for label, value in route.match.items()]
    stated += [Matcher(label=label, operator="=~", value=value) for label, value in route.match_re.items()]
    return Route(
        receiver=receiver,
        matchers=(*stated, *(matcher for text in route.matchers for matcher in _matchers(text))),
        goes_on=route.goes_on,
        routes=tuple(_route(each, receiver, depth + 1) for each in route.routes),
    )


def _matchers(text: str) -> Iterator[Matcher]:
    """Yield the conditions of one entry: `severity="page"`, or several of them in braces."""
    inner, at = text.strip().removeprefix("{").removesuffix("}"), 0
    while at < len(inner):
        found = _MATCHER.match(inner, at)
        if found is None:
            yield Matcher(label="", operator="", value=inner[at:])
            return
        value = found[3] if found[3] is not None else found[4]
        match found[2]:
            case "=" | "!=" | "=~" | "!~" as operator:
                yield Matcher(label=found[1], operator=operator, value=value)
        at = found.end()
