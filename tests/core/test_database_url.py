"""Database URLs: what of them people see."""

import pytest

from remediate.core.database_url import holds_password, shown_url


@pytest.mark.parametrize(
    ("url", "secret", "shown"),
    [
        ("postgresql://db/remediate", False, "postgresql://db/remediate"),
        ("postgresql://x@db:5432/remediate?sslmode=require", False, "postgresql://x@db:5432/remediate"),
        ("postgresql+psycopg://x:hunter2@db/r", True, "postgresql+psycopg://x:***@db/r"),
        ("postgresql://x:hun/ter2@db/r", True, "postgresql://x:***@db/r"),
        ("postgresql://db/r?user=x&password=hunter2", True, "postgresql://db/r"),
        ("postgresql://db/r?pass%77ord=hunter2", True, "postgresql://db/r"),
        ("postgresql://db/r?sslpassword=hunter2", True, "postgresql://db/r"),
        ("sqlite:////srv/journal.sqlite3", False, "sqlite:////srv/journal.sqlite3"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str, *, secret: bool) -> None:
    assert (holds_password(url), shown_url(url)) == (secret, shown)


def test_what_is_no_url_holds_no_password() -> None:
    assert not holds_password("/srv/journal.sqlite3")
