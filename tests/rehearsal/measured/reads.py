"""Reads the cached configuration while it is built again and again. Runs on the host as the application's user.

Standard input: the `path`, the command that builds it (`argv`), and the least number of `reads` and `rebuilds`. Prints
its numbers as JSON.
"""

import json
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Measure."""
    asked = json.load(sys.stdin)
    path = Path(asked["path"])
    found = {"reads": 0, "missing": 0, "partial": 0, "rebuilds": 0, "failed": 0}
    building: subprocess.Popen[bytes] | None = None
    while found["reads"] < asked["reads"] or found["rebuilds"] < asked["rebuilds"]:
        if building is None or building.poll() is not None:
            if building is not None:
                found["rebuilds"] += 1
                found["failed"] += building.returncode != 0
            building = subprocess.Popen(asked["argv"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            found["reads"] += 1
            try:
                text = path.read_bytes()
            except FileNotFoundError:
                found["missing"] += 1
                continue
            found["partial"] += not text.rstrip().endswith(b");")
    if building is not None:
        building.wait()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
