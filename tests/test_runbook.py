"""The runbook's lines: read from the text, each answered by something that exists, none forgotten."""

import pytest

from remediate.errors import ConfigurationError
from remediate.runbook import covered, of_section, sections, traced

TEXT = """# Runbook

## 4. Incidents

### 4.1 Down (SEV-1)

**Symptoms:**
- 502 errors

Prose that asks for nothing.

**Resolution:**

```bash
# Restart it

## not a heading: it is code
restart it | all
```

### 4.2 Slow

**Symptoms:**
- Slow

## 5. Something else

### 5.1 Else
- not in this chapter
"""
CHAPTER = sections(TEXT, "4")
ALL = of_section(
    "4.1",
    traced("502 errors", by="http.site"),
    traced("# Restart it", "## not a heading: it is code", "restart it | all", by=("a.b", "c.d"), how="Only one."),
)


def test_every_line_that_says_something_is_read() -> None:
    assert [(line.section, line.part, line.text) for section in CHAPTER for line in section.lines] == [
        ("4.1", "Symptoms", "502 errors"),
        ("4.1", "Resolution", "# Restart it"),
        ("4.1", "Resolution", "## not a heading: it is code"),
        ("4.1", "Resolution", "restart it | all"),
        ("4.2", "Symptoms", "Slow"),
    ]
    assert [(each.number, each.title) for each in CHAPTER] == [("4.1", "Down (SEV-1)"), ("4.2", "Slow")]


def test_each_is_paired_with_its_answer() -> None:
    rows = covered(CHAPTER, (*ALL, *of_section("4.2", traced("Slow", by="a.b"))), {"http.site", "a.b", "c.d"})
    assert [(row.by, row.how) for row in rows] == [
        (("http.site",), ""),
        *[(("a.b", "c.d"), "Only one.")] * 3,
        (("a.b",), ""),
    ]


@pytest.mark.parametrize(
    ("traces", "told"),
    [
        (ALL, "1 lines of the runbook are answered by nothing: 4.2 'Slow'"),
        ((*ALL, *of_section("4.2", traced("Fast", by="a.b"))), "runbook 4.2 has no line 'Fast'"),
        ((*ALL, *of_section("4.2", traced("Slow", by="x.y"))), "'Slow' is said to be answered by x.y, which is none"),
    ],
    ids=["missing", "no such line", "no such answer"],
)
def test_what_does_not_fit_is_said(traces: tuple[tuple[str, object], ...], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        covered(CHAPTER, traces, {"http.site", "a.b", "c.d"})  # type: ignore[arg-type]  # a table of them
