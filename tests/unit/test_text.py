"""Text of other people, made storable (contract section 3)."""

import pytest

from christmas_tasks.text import clean, first_word, whole


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("", ""),
        ("  Ann  ", "Ann"),
        ("Ann\r\nFrost", "Ann  Frost"),
        ("a\tb\x0bc\x0cd", "a b c d"),
        ("a\x1cb\x1db\x1eb\x1fc", "a b b b c"),
        ("a\x7fb\x85c\x9fd", "a b c d"),
        ("a\u2028b\u2029c", "a b c"),
        ("a\x00b", "ab"),
        ("\ud800a\udfffb\udc00", "ab"),
        ("\ud83d\ude00", ""),
        ("\U0001f600", "\U0001f600"),
        ("\x00", ""),
        ("\n \t", ""),
        ("Zo\u00eb \u0416\u4e2d", "Zo\u00eb \u0416\u4e2d"),
    ],
)
def test_text_becomes_one_storable_line(text: str, cleaned: str) -> None:
    """Control characters become blanks, NUL and lone surrogates go, the rest stays."""
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "limit", "cleaned"), [("abcdef", 3, "abc"), ("ab cdef", 3, "ab"), ("abc", 3, "abc"), ("  abc", 2, "ab")]
)
def test_a_limit_cuts_after_cleaning(text: str, limit: int, cleaned: str) -> None:
    """And leaves no blank at the end."""
    assert clean(text, limit) == cleaned


@pytest.mark.parametrize(("text", "word"), [("", ""), ("  ", ""), ("Ann", "Ann"), (" Ann  Lee Frost", "Ann")])
def test_the_first_word(text: str, word: str) -> None:
    """Empty if there is none."""
    assert first_word(text) == word


@pytest.mark.parametrize(("number", "spoken"), [(55.0, "55"), (55, "55"), (55.5, "55.5"), (0.0, "0")])
def test_a_whole_number_is_said_without_a_point(number: float, spoken: str) -> None:
    """A mail says 55, not 55.0."""
    assert str(whole(number)) == spoken
