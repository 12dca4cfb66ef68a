"""An example of every packaged remedy: broken, healed, and further hosts."""

from collections.abc import Mapping
from pathlib import Path
from runpy import run_path
from typing import NamedTuple

from remediate.core.remedy import Remedy
from remediate.testing import Known


class Example(NamedTuple):
    remedy: Remedy
    broken: Known
    healed: Known
    others: tuple[Known, ...] = ()


def _examples() -> Mapping[str, Example]:
    """Collect the `EXAMPLES` of the remedies' own tests in tests/remedies/test_<tool>.py."""
    found: dict[str, Example] = {}
    for file in sorted((Path(__file__).parents[1] / "remedies").glob("test_*.py")):
        stated: Mapping[str, tuple[Remedy, Known, Known, tuple[Known, ...]]] = run_path(str(file)).get("EXAMPLES", {})
        found.update({kind: Example(*example) for kind, example in stated.items()})
    return found


EXAMPLES = _examples()
