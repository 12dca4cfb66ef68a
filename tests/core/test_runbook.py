"""The runbook's lines: each is answered by something that exists."""

from pathlib import Path

import pytest

from remediate.core.runbook import Trace, Traces, answered, covered, sections
from remediate.errors import ConfigurationError

TEXT = """# Runbook

**Version:** 1.0.0

## 1. How bad

| How bad | Answer within |
|---------|:-------------:|
| **SEV-1** | < 15 min |
| SEV-2   | 1 hour |

Somebody takes it:

1. **Claim** - it is yours
   - a point below a point
2. Tell

Every 30 minutes:

```
| in code | a table |
|---------|---------|
  ↓          ↓
 Alert     Severity
```

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

## Links

- [Another](./another.md)
"""
EVERY = sections(TEXT)
CHAPTER = tuple(section for section in EVERY if section.number.startswith("4") and section.lines)
SITE = Trace(lines=("502 errors",), by=("http.site",))
RESTART = Trace(
    lines=("# Restart it", "## not a heading: it is code", "restart it | all"), by=("a.b", "c.d"), how="Only one."
)
SLOW = Trace(lines=("Slow",), by=("a.b",))
FAST = Trace(lines=("Fast",), by=("a.b",))


def test_every_line_that_says_something_is_read() -> None:
    assert [(line.section, line.part, line.text) for section in CHAPTER for line in section.lines] == [
        ("4.1", "Symptoms", "502 errors"),
        ("4.1", "Resolution", "# Restart it"),
        ("4.1", "Resolution", "## not a heading: it is code"),
        ("4.1", "Resolution", "restart it | all"),
        ("4.2", "Symptoms", "Slow"),
    ]
    assert [(each.number, each.title) for each in CHAPTER] == [("4.1", "Down (SEV-1)"), ("4.2", "Slow")]


def test_points_rows_and_numbers_are_lines_and_prose_that_introduces_is_none() -> None:
    assert [
        (line.section, line.text) for section in EVERY for line in section.lines if not section.number.startswith("4")
    ] == [
        ("1", "SEV-1 | < 15 min"),
        ("1", "SEV-2 | 1 hour"),
        ("1", "Claim - it is yours"),
        ("1", "a point below a point"),
        ("1", "Tell"),
        ("1", "Every 30 minutes:"),
        ("1", "| in code | a table |"),
        ("1", "Alert Severity"),
        ("5.1", "not in this chapter"),
        ("Links", "[Another](./another.md)"),
    ]
    assert [(each.number, each.title) for each in EVERY][-2:] == [("5.1", "Else"), ("Links", "Links")]


def test_each_is_paired_with_its_answer() -> None:
    rows = covered(CHAPTER, {"4.1": (SITE, RESTART), "4.2": (SLOW,)}, {"http.site", "a.b", "c.d"})
    assert [(row.by, row.how) for row in rows] == [
        (("http.site",), ""),
        *[(("a.b", "c.d"), "Only one.")] * 3,
        (("a.b",), ""),
    ]


@pytest.mark.parametrize(
    ("traces", "told"),
    [
        ({}, "1 lines of the runbook are answered by nothing: 4.2 'Slow'"),
        ({"4.2": (FAST,)}, "runbook 4.2 has no line 'Fast'"),
        (
            {"4.2": (SLOW.model_copy(update={"by": ("x.y",)}),)},
            "'Slow' is said to be answered by x.y, which is none",
        ),
        ({"4.1": (SITE, RESTART, SITE.model_copy())}, "runbook 4.1: '502 errors' is traced twice"),
    ],
    ids=["missing", "no such line", "no such answer", "twice"],
)
def test_what_does_not_fit_is_said(traces: Traces, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        covered(CHAPTER, {"4.1": (SITE, RESTART), **traces}, {"http.site", "a.b", "c.d"})


def test_answers_are_read_from_toml(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text('[["4.2"]]\nlines = ["Slow"]\nby = ["a.b"]\n\n[["4.2"]]\nlines = ["Fast"]\nby = ["a.b"]\n')
    assert answered(file) == {"4.2": (SLOW, FAST)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read: No such file"),
        (b"[[", "is not valid TOML"),
        (b"\xff", "is not valid TOML"),
        (b'[["4.2"]]\nlines = ["Slow"]\n', r"4\.2\.0\.by: "),
        (b'[["4.2"]]\nlines = ["Slow"]\nby = ["a.b"]\nwhy = "x"\n', r"4\.2\.0\.why: .*accepted: by, how, lines"),
        (b'[["4.2"]]\nlines = "Slow"\nby = ["a.b"]\n', r"4\.2\.0\.lines: "),
    ],
    ids=["none", "no TOML", "no text", "missing key", "unknown key", "no list"],
)
def test_answers_that_cannot_be_read_are_one_line(tmp_path: Path, text: bytes | None, told: str) -> None:
    file = tmp_path / "answers.toml"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(ConfigurationError, match=rf"answers\.toml: {told}"):
        answered(file)
