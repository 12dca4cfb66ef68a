"""docs.runbook: everything that a person on call needs, as one document to print."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from remediate.commands.docs.pages import page
from remediate.commands.docs.reference import refusals_page
from remediate.commands.docs.rendering import rendered
from remediate.commands.terminal import Terminal
from remediate.core.outcome import RunVerdict
from remediate.errors import USAGE_EXIT_CODE, ConfigurationError
from remediate.project.project import Project

NAME: Final = "printed-runbook"
"""The name of its files, without `.md` and `.html`."""
_LINK: Final = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]+\)")
_FENCE: Final = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)


def write_runbook(project: Project, terminal: Terminal) -> int:
    """Write the runbook as Markdown and as HTML below the project's docs/."""
    root = project.demand_root()
    text = printed(project)
    documents = {"md": text, "html": in_html(text)}
    for suffix, document in documents.items():
        path = root / "docs" / f"{NAME}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(document, encoding="utf-8")
        terminal.say(str(path.relative_to(root)))
    return 0


def printed(project: Project) -> str:
    """Return the whole runbook of a project as one Markdown document."""
    pages = (page(project.load(name), listed, project) for name, listed in project.playbooks().items())
    codes = sorted({1, USAGE_EXIT_CODE, *(each.exit_code for each in RunVerdict)})
    return rendered(
        "printed.md.j2",
        verdicts={code: " / ".join(_verdicts(code)) for code in codes},
        # The codes of the engine stand once, at the end.
        playbooks=[_part(text).partition("\n### Any remedy may also be refused with")[0] for text in pages],
        refusals=_part(refusals_page(project)),
    )


def in_html(text: str) -> str:
    """Return a printed runbook as one HTML file that loads nothing. Raises ConfigurationError without `markdown`."""
    try:
        from markdown import markdown
    except ImportError:
        raise ConfigurationError("docs.runbook needs pip install 'remediate[docs]'") from None
    body = markdown(text, extensions=["tables", "fenced_code", "sane_lists", "toc"], output_format="html")
    style = Path(__file__).with_name("templates").joinpath("printed.css").read_text(encoding="utf-8")
    return rendered("printed.html.j2", body=body, style=style)


def _verdicts(code: int) -> Iterator[str]:
    return (each.value for each in RunVerdict if each.exit_code == code)


def _part(page_text: str) -> str:
    """Return a page as a part of the document: one level down and without links."""
    _, _, text = page_text.partition("-->\n")
    blocks = _FENCE.split(text)
    return "".join(
        block if block.startswith("```") else re.sub(r"^#", "##", _LINK.sub(r"\1", block), flags=re.MULTILINE)
        for block in blocks
    )
