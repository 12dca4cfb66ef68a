"""Inventory settings for prevention."""

import pytest
from pydantic import ValidationError

from remediate.core.monitoring import Endpoint, Monitor, Monitoring


def test_an_alert_needs_a_place_where_it_is_evaluated() -> None:
    with pytest.raises(ValidationError, match="prometheus is missing"):
        Monitoring.model_validate({"disk": {"alert": "DiskSpaceLow"}})
    assert Monitoring.model_validate({"disk": {"visits": {"log": "/a", "agent": "UptimeRobot"}}}).prometheus is None


@pytest.mark.parametrize("monitor", [{}, {"instance": "web1:9100"}])
def test_a_monitor_names_something_that_watches(monitor: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="names nothing that watches"):
        Monitor.model_validate(monitor)


def test_an_instance_belongs_to_an_alert() -> None:
    with pytest.raises(ValidationError, match="no alert"):
        Monitor.model_validate({"instance": "web1:9100", "visits": {"log": "/a", "agent": "UptimeRobot"}})


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", ""])
@pytest.mark.parametrize("key", ["alert", "instance"])
def test_a_name_holds_nothing_that_would_have_to_be_quoted(key: str, name: str) -> None:
    with pytest.raises(ValidationError):
        Monitor.model_validate({"alert": "DiskSpaceLow", key: name})


@pytest.mark.parametrize(
    "url", ["https://example.com/", "http://127.0.0.1:8080/", "http://[::1]/", "http://localhost/"]
)
def test_a_token_goes_where_nobody_else_reads_it(url: str) -> None:
    assert Endpoint.model_validate({"url": url, "contains": "up", "token": "env:TOKEN"}).token == "env:TOKEN"


def test_a_token_does_not_go_over_the_wire_in_clear() -> None:
    with pytest.raises(ValidationError, match="not https"):
        Endpoint.model_validate({"url": "http://example.com/", "contains": "up", "token": "env:TOKEN"})
    with pytest.raises(ValidationError, match="a secret does not stand"):
        Endpoint.model_validate({"url": "https://example.com/", "contains": "up", "token": "hunter2secret"})
