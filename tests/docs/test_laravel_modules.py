"""The list in docs/architecture.md that says which modules are Laravel's."""

import ast
import re
from collections.abc import Iterator

from support.doc_pages import ROOT

_LINE = re.compile(r"^- \*\*([a-z.]+)\*\*: ((?:`[a-z_.]+`,?\s+)+)", re.MULTILINE)
_LAYERS = ("probes", "remedies", "programs", "rehearsal.faults", "maintenance.items")


def listed() -> dict[str, list[str]]:
    """Return the modules of each line."""
    page = (ROOT / "docs/architecture.md").read_text()
    section = page.partition("### What is Laravel's\n")[2].partition("\n### ")[0]
    return {layer: re.findall(r"`([a-z_.]+)`", names) for layer, names in _LINE.findall(section)}


def modules(layer: str) -> Iterator[tuple[str, str]]:
    """Yield each module of a layer, with its text."""
    for path in sorted((ROOT / "remediate" / layer.replace(".", "/")).glob("*.py")):
        if path.stem != "__init__":
            yield f"{layer}.{path.stem}", path.read_text()


def imported(text: str) -> set[str]:
    """Return every module of ours that a text imports, without `remediate.`."""
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom) and node.module)
    names = {name for node in nodes for name in (node.module, *(f"{node.module}.{each.name}" for each in node.names))}
    return {name.removeprefix("remediate.") for name in names if name is not None}


def test_only_the_last_line_is_generic_and_imports_a_module_of_laravel() -> None:
    lines = listed()
    both = set(lines.pop("both"))
    own = {f"{layer}.{name}" for layer, names in lines.items() for name in names}
    assert set(lines) == set(_LAYERS)
    mixed = {
        name
        for layer in ("probes", "remedies")
        for name, text in modules(layer)
        if name not in own and imported(text) & own
    }
    assert mixed == both


def test_each_module_of_the_list_exists() -> None:
    for layer, names in listed().items():
        for name in names:
            place = ROOT / "remediate" / (name if layer == "both" else f"{layer}.{name}").replace(".", "/")
            assert place.with_suffix(".py").is_file() or place.is_dir(), f"{layer}: {name}"
