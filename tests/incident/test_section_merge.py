"""Regenerated documents keep everything that people wrote."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediate.errors import ConfigurationError
from remediate.incident.postmortem_file import save
from remediate.incident.section_merge import DocumentSection, written

NAMES = ("head", "summary", "timeline", "root-cause", "lessons")


def sections(text: str = "first", names: tuple[str, ...] = NAMES) -> list[DocumentSection]:
    signs = {"head": "#"}
    return [
        DocumentSection(name, f"{signs.get(name, '##')} The {name}", f"- {text} {name}\n\nmore {text}")
        for name in names
    ]


def test_what_nobody_touched_is_brought_up_to_date() -> None:
    first = written(sections("first"))
    second = written(sections("second"), first.text)
    assert "first" not in second.text
    assert second == written(sections("second"))
    assert (second.edited, second.deleted) == ((), ())


def test_writing_it_again_changes_nothing() -> None:
    once = written(sections()).text
    assert written(sections(), once).text == once


def edit(text: str, name: str, new: str) -> str:
    """A person's edit: everything below a section's comment is replaced."""
    return re.sub(
        rf"(<!-- remediate:{name} \w+ -->\n).*?(?=^#|^<!-- remediate sections|\Z)",
        lambda found: found[1] + new,
        text,
        flags=re.MULTILINE | re.DOTALL,
    )


def test_an_edited_section_stays_and_the_others_move_on() -> None:
    mine = edit(written(sections("first")).text, "summary", "\nWhat really happened.\n\n")
    kept = written(sections("second"), mine)
    assert "What really happened." in kept.text
    assert kept.edited == ("summary",)
    assert "first" not in kept.text
    assert kept.text.count("second") == 2 * (len(NAMES) - 1)
    assert written(sections("third"), kept.text).text.count("What really happened.") == 1


@pytest.mark.parametrize(
    "changed",
    [
        ("- first summary", "- first summary, and more"),
        ("## The summary", "## Zusammenfassung"),
        ("more first", "More first"),
        ("- first summary\n", ""),
        ("<!-- remediate:summary", "<!-- remediate:summarx"),
    ],
)
def test_any_edit_makes_it_theirs(changed: tuple[str, str]) -> None:
    first = written(sections("first")).text
    head, mark, rest = first.partition("## The summary")
    mine = head + (mark + rest).replace(*changed, 1)
    kept = written(sections("second"), mine).text
    (theirs,) = (part for part in re.split(r"(?m)^(?=## )", mine) if "<!-- remediate:summar" in part)
    assert theirs in kept


def test_ends_of_lines_and_empty_lines_are_no_edit() -> None:
    first = written(sections("first")).text
    for shaped in (
        first.replace("\n", "\r\n"),
        first.replace("\n", "  \n"),
        first.replace("\n", "\n\n"),
        first + "\n\n",
    ):
        assert written(sections("second"), shaped).edited == ()


def test_sections_of_their_own_stay_in_their_place() -> None:
    first = written(sections("first")).text
    mine = first.replace("## The timeline", "## Who we are\n\nA team.\n\n## The timeline")
    kept = written(sections("second"), mine).text
    assert kept.index("## The summary") < kept.index("## Who we are\n\nA team.\n\n") < kept.index("## The timeline")


def test_what_they_moved_stays_where_they_moved_it_and_what_they_deleted_stays_deleted() -> None:
    parts = re.split(r"(?m)^(?=## )", written(sections("first")).text)
    by = {part.partition("\n")[0]: part for part in parts}
    mine = parts[0] + by["## The lessons"] + by["## The summary"]
    kept = written(sections("second"), mine)
    assert kept.text.index("## The lessons") < kept.text.index("## The summary")
    assert kept.deleted == ("timeline", "root-cause")
    assert "## The timeline" not in kept.text
    assert written(sections("third"), kept.text).deleted == kept.deleted


def test_a_section_that_a_later_version_has_is_added() -> None:
    first = written(sections("first", NAMES[:-1])).text
    kept = written(sections("second"), edit(first, "root-cause", "\nMine, no end of line"))
    assert "Mine, no end of line\n## The lessons" in kept.text
    assert kept.deleted == ()


def test_a_heading_in_a_block_of_code_is_none() -> None:
    mine = edit(written(sections("first")).text, "summary", "\n```sh\n# a comment\n## another\n```\nend\n\n")
    kept = written(sections("second"), mine)
    assert "\n```sh\n# a comment\n## another\n```\nend\n\n" in kept.text
    assert kept.edited == ("summary",)


def test_two_of_the_same_are_both_theirs() -> None:
    first = written(sections("first")).text
    part = next(part for part in re.split(r"(?m)^(?=## )", first) if part.startswith("## The summary"))
    kept = written(sections("second"), first.replace(part, part + part))
    assert kept.text.count("- first summary") == 2


@given(new=st.text(st.characters(exclude_categories=["Cs"])), name=st.sampled_from(NAMES), again=st.integers(1, 3))
def test_whatever_they_write_stays_to_the_letter(new: str, name: str, again: int) -> None:
    body = f"\nmine {new}\n"
    text = edit(written(sections("first")).text, name, body)
    for number in range(again):
        text = written(sections(f"later{number}"), text).text
    without = re.sub(r"<!-- remediate sections: [a-z, -]* -->[ \t]*\r?\n?", "", body)
    assert without in text


# The file


def test_a_file_is_written_whole_and_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    target = tmp_path / "below" / "real.md"
    save(target, sections("first"))
    target.chmod(0o600)
    link = tmp_path / "link.md"
    link.symlink_to(target)
    mine = edit(target.read_text(), "summary", "\r\nmine\r\n\r\n")
    target.write_bytes(mine.encode())
    save(link, sections("second"))
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    assert b"\r\nmine\r\n\r\n" in target.read_bytes()
    assert [each.name for each in target.parent.iterdir()] == ["real.md"]


def test_what_is_saved_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.md"
    save(path, sections("first"))
    original = Path.replace
    from remediate.incident import postmortem_file as draft

    read = draft._read
    times = []

    def meddled(file: Path) -> str | None:
        times.append(1)
        if len(times) == 2:  # between reading and replacing, an editor saves
            file.write_text(edit(file.read_text(), "lessons", "\nsaved meanwhile\n"))
        return read(file)

    monkeypatch.setattr(draft, "_read", meddled)
    save(path, sections("second"))
    assert "saved meanwhile" in path.read_text()
    assert "second summary" in path.read_text()
    assert Path.replace is original


@pytest.mark.parametrize("content", [b"\xff\xfe not text", b"x" * (4 * 1024 * 1024 + 1)])
def test_what_is_no_post_mortem_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.md"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=str(path)):
        save(path, sections())
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        save(tmp_path / "file" / "p.md", sections())
