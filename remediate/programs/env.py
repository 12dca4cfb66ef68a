"""Commands that set a key of an application's .env atomically."""

import json
from base64 import b64encode

from pydantic import SecretStr

from remediate.core.command import Run
from remediate.programs.run import run_php


def edit_env(php: str, path: str, user: str, key: str, value: SecretStr, *, seen: str) -> Run:
    """Return the command that sets one key, if the file's SHA-256 is still `seen`.

    Owner, mode, ACL, a symbolic link and all other bytes stay as they are. The old file is kept next to the new one.
    The value may be any text that phpdotenv can read back; the program refuses any other value with a one-line message.
    """
    text = value.get_secret_value().encode(errors="surrogateescape")
    asked = {"key": key, "value": b64encode(text).decode(), "seen": seen}
    return run_php(php, "edit_env", path, user=user, seconds=30, stdin=json.dumps(asked))
