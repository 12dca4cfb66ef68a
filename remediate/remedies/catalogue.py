"""All packaged remedies, found by reading this package's sources without a registry."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from remediate.core.source import parse

if TYPE_CHECKING:
    from remediate.core.remedy import Remedy

_HERE: Final = Path(__file__).parent
_HEAD: Final = re.compile(r"^class \w+\(.*\):\n(?:(?!    (?:@|def ))(?:    .+)?\n)+", re.MULTILINE)
"""A class up to its first method. Parsing whole modules would take ten times as long."""
_ALIAS: Final = re.compile(r"^(\w+) = Annotated\[\s*(\w+),", re.MULTILINE)
_SIMPLE: Final = frozenset({"str", "int", "float", "bool", "None"})


class ListedRemedy(NamedTuple):
    """A remedy as a listing shows it: read from its source, not imported."""

    kind: str
    module: str
    name: str
    doc: str
    is_human: bool
    simple: Mapping[str, str]
    """The fields that one word on a command line can give, with what they mean."""
    secret: Mapping[str, str]
    """The fields that no command line may hold, with what they mean."""

    def load(self) -> "type[Remedy]":
        """Import the class and everything that it needs."""
        found: type[Remedy] = getattr(import_module(f"{__package__}.{self.module}"), self.name)
        return found


@cache
def listed() -> Mapping[str, ListedRemedy]:
    """Return every packaged remedy by its kind, as read from the sources."""
    root = _HERE.parent
    heads: dict[str, _Head] = {}
    aliases: dict[str, str] = {}
    for path in (
        root / "core" / "field_types.py",
        root / "core" / "services.py",
        root / "core" / "remedy.py",
        *sorted(_HERE.glob("*.py")),
    ):
        source = path.read_text(encoding="utf-8")
        aliases.update(_ALIAS.findall(source))
        if path.parent == _HERE or path.stem == "remedy":
            heads.update((head.name, head) for head in _heads(path.stem, source))
    found = (_listed(head, heads, aliases) for head in heads.values() if head.kind is not None)
    return {each.kind: each for each in sorted(found)}


@cache
def remedies() -> "Mapping[str, type[Remedy]]":
    """Import every remedy; return the classes by their kinds."""
    return {kind: each.load() for kind, each in listed().items()}


class _Head(NamedTuple):
    module: str
    name: str
    bases: tuple[str, ...]
    doc: str
    kind: str | None
    fields: Mapping[str, tuple[ast.expr, str]]
    """Annotation and description of each field."""


def _heads(module: str, source: str) -> Iterator[_Head]:
    for text in _HEAD.findall(source):
        (node,) = parse(text).body
        assert isinstance(node, ast.ClassDef)  # noqa: S101 - the expression finds nothing else
        kind: str | None = None
        fields: dict[str, tuple[ast.expr, str]] = {}
        for line in node.body:
            match line:
                case ast.AnnAssign(target=ast.Name(id="kind"), value=ast.Constant(value=str(value))):
                    kind = value
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.Call() as field):
                    fields[name] = (annotation, _description(field))
        bases = tuple(base.id for base in node.bases if isinstance(base, ast.Name))
        yield _Head(module, node.name, bases, ast.get_docstring(node) or "", kind, fields)


def _description(field: ast.Call) -> str:
    given = (each.value for each in field.keywords if each.arg == "description")
    return next((str(ast.literal_eval(each)) for each in given), "")


def _listed(head: _Head, heads: Mapping[str, _Head], aliases: Mapping[str, str]) -> ListedRemedy:
    family = [head]
    for each in family:
        family += [heads[base] for base in each.bases if base in heads]
    fields: dict[str, tuple[ast.expr, str]] = {}
    for each in reversed(family):
        fields |= each.fields
    kinds = {name: {_bare(part, aliases) for part in _alternatives(what)} for name, (what, _) in fields.items()}
    return ListedRemedy(
        kind=head.kind or "",
        module=head.module,
        name=head.name,
        doc=head.doc,
        is_human=any(each.name == "HumanTask" for each in family),
        simple={name: meaning for name, (_, meaning) in fields.items() if kinds[name] <= _SIMPLE},
        secret={name: meaning for name, (_, meaning) in fields.items() if "SecretStr" in kinds[name]},
    )


def _alternatives(annotation: ast.expr) -> Iterator[ast.expr]:
    if isinstance(annotation, ast.BinOp):
        yield from _alternatives(annotation.left)
        yield from _alternatives(annotation.right)
    else:
        yield annotation


def _bare(annotation: ast.expr, aliases: Mapping[str, str]) -> str:
    """Return the type's name without its constraints."""
    match annotation:
        case ast.Constant(value=None):
            return "None"
        case ast.Name(id=name):
            while name in aliases:
                name = aliases[name]
            return name
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            return _bare(first, aliases)
        case _:
            return ast.unparse(annotation)
