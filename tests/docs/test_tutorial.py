"""docs/tutorial.md takes the steps of the demo, which `make demo` carries out, and names faults that are rehearsed."""

import re
import shlex
from typing import Final

from remediate.commands.docs.example import EXAMPLE
from remediate.playbooks.app_down import app_down
from support.doc_pages import FENCED, ROOT

PAGE: Final = (ROOT / "docs/tutorial.md").read_text()
TYPED: Final = [
    shlex.split(line)[1:]
    for block in FENCED.finditer(PAGE)
    for line in block["text"].splitlines()
    if line.startswith("remediate ")
]


def test_the_steps_of_the_demo_are_taken_in_its_order() -> None:
    demo = [shlex.split(line)[2:] for line in (ROOT / "docs/demo.sh").read_text().splitlines() if line[:7] == "expect "]
    upto_the_refusal = [words for words in TYPED if words[0] != "triage"][: len(demo)]
    assert upto_the_refusal == demo


def test_the_faults_end_as_the_page_says() -> None:
    faults = [words[-1] for words in TYPED if words[0] == "staging.break"]
    declared = {case.name: (case.expected.value, case.code) for case in app_down.cases(EXAMPLE)}
    assert [declared[fault] for fault in faults] == [("fixed", None), ("refused", "config-broken")]
    assert "`config-broken`" in re.split(r"^## ", PAGE, flags=re.MULTILINE)[7]
