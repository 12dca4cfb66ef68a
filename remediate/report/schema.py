"""The JSON Schema of the report: `python -m remediate.report.schema FILE` writes it."""

import json
import sys
from pathlib import Path

from remediate.outcome import Report


def schema() -> str:
    """Return the schema of the `--json` document, as text."""
    return json.dumps(Report.model_json_schema(by_alias=True, mode="serialization"), indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema())
