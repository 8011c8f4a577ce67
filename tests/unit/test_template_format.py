"""One template as files: both ways without a loss, and a sentence for whatever can't be read."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import christmas_tasks
from christmas_tasks.sequences import all_template_names
from christmas_tasks.template_format import StoredTemplate, decode, encode, folder_name, line_of

STARTER = Path(christmas_tasks.__file__).parent / "starter_templates"
GOOD = {"template.toml": b'name = "5-Day E2"\nsubject = "Hi"\npreview = "P"\nstatus = "Active"\n', "body.html": b"<p>"}
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"))


@given(
    st.builds(
        StoredTemplate,
        name=texts.filter(str.strip).map(str.strip),
        subject=texts,
        html=texts,
        text=texts,
        preview=texts,
        status=texts,
    )
)
def test_any_template_comes_back_from_its_files(stored: StoredTemplate) -> None:
    """Quotes, backslashes, line breaks and control characters included; the digest is its own."""
    files = encode(stored)
    assert decode(files) == (stored, ())
    assert tomllib.loads(files["template.toml"].decode())["name"] == stored.name
    assert StoredTemplate(**{**vars(stored), "status": f"{stored.status}x"}).digest != stored.digest


def test_the_starter_templates_are_written_in_the_very_form() -> None:
    """Byte for byte, in the folders that a pull would make."""
    found = set()
    for folder in STARTER.iterdir():
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        stored, faults = decode(files)
        assert stored is not None
        assert faults == ()
        assert encode(stored) == files
        assert folder_name(stored.name) == folder.name
        found.add(stored.name)
    assert found == set(all_template_names())


@pytest.mark.parametrize(
    ("name", "folder"),
    [("../../etc/passwd", "etc_passwd"), ("Übung 🎄", "bung"), ("///", "unnamed"), ("My Mail 2", "my_mail_2")],
)
def test_a_name_of_another_never_leads_out_of_the_folder(name: str, folder: str) -> None:
    """Letters, digits and low lines only."""
    assert folder_name(name) == folder


@pytest.mark.parametrize(
    ("change", "file", "line", "rule"),
    [
        ({"body.html": None}, "body.html", 1, "missing-file"),
        ({"template.toml": None}, "template.toml", 1, "missing-file"),
        ({"body.html": b"<p>\n\xff"}, "body.html", 2, "not-utf8"),
        ({"body.txt": b"a\n\nb\0"}, "body.txt", 3, "not-utf8"),
        ({"body.html": b"\xef\xbb\xbf<p>"}, "body.html", 1, "not-utf8"),
        ({"template.toml": b'name = "x"\nsubject = {\n'}, "template.toml", 2, "toml"),
        ({"template.toml": b'subject = "x"\nname = 3\nstatus = "Active"'}, "template.toml", 2, "toml"),
        ({"template.toml": b'name = " "\nstatus = "Active"'}, "template.toml", 1, "toml"),
        ({"template.toml": b'name = "5-Day E2"'}, "template.toml", 1, "toml"),
    ],
)
def test_what_cant_be_read_is_named_with_its_place(
    change: dict[str, bytes | None], file: str, line: int, rule: str
) -> None:
    """File, line and rule; nothing is half read."""
    files = {name: content for name, content in {**GOOD, **change}.items() if content is not None}
    stored, faults = decode(files)
    assert stored is None
    assert (faults[0].file, faults[0].line, faults[0].rule) == (file, line, rule)


def test_a_key_that_nobody_reads_is_no_error() -> None:
    """A person's own note beside the others; its line is told."""
    stored, faults = decode({**GOOD, "template.toml": GOOD["template.toml"] + b'owner = "Anna"\n'})
    assert stored is not None
    assert [(fault.rule, fault.line, fault.is_error) for fault in faults] == [("unknown-key", 5, False)]


def test_the_line_of_a_key_is_where_it_is_set() -> None:
    """Not where another value mentions it."""
    assert line_of("subject", 'name = "subject = x"\n\n"subject" = "y"\n') == 3
