"""Templates of the generated documents."""

from typing import Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment


def cell(words: object) -> str:
    """Return words that fit into one cell of a Markdown table."""
    return " ".join(str(words).replace("|", "\\|").split())


def rendered(template: str, *, trim: bool = True, **context: Any) -> str:
    """Return a template of this package with its values filled in. Text is taken as it is: these are Markdown."""
    environment = SandboxedEnvironment(
        loader=PackageLoader("remediate.commands.docs"), undefined=StrictUndefined, trim_blocks=trim, autoescape=False
    )
    environment.filters["cell"] = cell
    return environment.get_template(template).render(**context)
