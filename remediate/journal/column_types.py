"""Column types: text that any database stores, and moments with a zone."""

import re
from datetime import UTC, datetime

from sqlalchemy import (
    DateTime,
    Dialect,
    Text,
    TypeDecorator,
)

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


class VisibleText(TypeDecorator[str]):
    r"""Text that every database can store.

    NUL and lone surrogates become visible, as \x00 and \udcff. A surrogate stands for a byte that is not UTF-8. SQLite
    rejects surrogates, PostgreSQL both. An odd byte in a remote error message must not cost an outcome.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Escape a value before it is stored."""
        return None if value is None else _UNSTORABLE.sub(_escape, value)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, aware in Python. It is stored with its zone if the database has such a type, else as plain UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a value before it is stored. The values of `remediate.journal` reject naive datetimes before."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert a stored value to an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
