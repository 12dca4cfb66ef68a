"""A remedy on a connection that a fabfile has."""

from typing import Any

import pytest
from fabric.connection import Connection

import remediate
from remediate.errors import ConfigurationError
from remediate.remedies.php_fpm import RestartPhpFpm

_connection: Any = Connection  # fabric has no types


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (_connection("192.0.2.1", user="1und1"), "192.0.2.1: user '1und1': takes a user's name: letters, digits, "),
        (_connection("192.0.2.1", user="ops", port=70000), "192.0.2.1: port .*65535"),
    ],
)
def test_a_connection_that_cannot_be_is_one_line(connection: Connection, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        remediate.apply(RestartPhpFpm(php="php8.3"), connection)
    assert "\n" not in str(caught.value)
