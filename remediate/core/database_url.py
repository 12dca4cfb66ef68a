"""Database URLs as people may see them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL


def shown_url(url: "URL | str") -> str:
    """Return a database's URL without its secrets, for messages.

    A password is replaced, and the query left out: a driver takes a password there, too. Raises ValueError and
    sqlalchemy's ArgumentError for text that is no URL.
    """
    from sqlalchemy import make_url

    return make_url(url).set(query={}).render_as_string(hide_password=True)


def holds_password(url: str) -> bool:
    """Return whether a URL holds a password. Text that is no URL holds none."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        read = make_url(url)
    except (ArgumentError, ValueError):
        return False
    return read.password is not None or any("password" in key.lower() for key in read.query)
