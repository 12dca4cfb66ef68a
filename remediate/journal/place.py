"""The place of the journal: the user's own file, or a database that a team shares."""

import os
from pathlib import Path

FILE_NAME = "journal.sqlite3"


def shared_url(url: str | None) -> str | None:
    """Return the URL of the journal that is given here or by the environment. None for the user's own file."""
    return url or os.environ.get("REMEDIATE_JOURNAL") or None


def state_directory() -> Path:
    """Return the directory of this user's records, which may not exist yet."""
    given = os.environ.get("REMEDIATE_STATE_DIR")
    if given:
        return Path(given).absolute()
    import platformdirs

    return platformdirs.user_state_path("remediate")
