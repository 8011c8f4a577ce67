"""Text on its way through Notion's cells, the mails and the unsubscribe link: hostile, and unchanged."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_tasks.discord import Alert, body
from christmas_tasks.errors import SignatureError
from christmas_tasks.mail_html import html_to_text
from christmas_tasks.notion_json import PIECE_UNITS, decode_text, decode_time, encode
from christmas_tasks.segments import Segment
from christmas_tasks.templates import Template, render
from christmas_tasks.text import clean
from christmas_tasks.unsubscribe import Claim, make_token, read_token
from christmas_tasks.variables import Campaign, build
from tests.unit.properties.json_values import any_text, hostile_text, instants, steady

long_text = st.builds(
    lambda pieces, times: "".join(pieces) * times,
    st.lists(st.sampled_from(["x", "\U0001f384", "\u00e9", " ", "{{", "\U0001f468\u200d\U0001f469"]), max_size=5),
    st.integers(0, 1_500),
)


@given(text=long_text, kind=st.sampled_from(["title", "rich_text"]))
@steady
def test_text_comes_back_from_notion_as_it_went(text: str, kind: str) -> None:
    """However it is split: no piece over the limit, no character cut in half."""
    pieces = [piece["text"]["content"] for piece in encode(text, kind)[kind]]
    assert all(0 < len(piece.encode("utf-16-le")) // 2 <= PIECE_UNITS for piece in pieces)
    cell = {"type": kind, kind: [{"plain_text": piece} for piece in pieces]}
    assert decode_text(cell) == text


@given(at=instants)
@steady
def test_an_instant_comes_back_from_notion_to_the_millisecond(at: datetime) -> None:
    """And never later than it was."""
    read = decode_time({"type": "date", "date": encode(at, "date")["date"]})
    assert read is not None
    assert timedelta(0) <= at - read < timedelta(milliseconds=1)


SOURCE = "{{ first_name }} and {{ business_name }}"
HTML = (
    '<html><body><p title="{{ first_name }}">{{ first_name }}</p><p>{{ business_name }}</p>'
    '<a href="{{ unsubscribe_url }}">x</a></body></html>'
)


def mail_variables(**given_values: str) -> dict[str, str | float]:
    return build(
        given_values, Segment.CRITICAL, Campaign(date(2025, 12, 5)), date(2025, 11, 20), "https://example.org/u"
    )


@given(first=hostile_text, business=hostile_text)
@steady
def test_hostile_values_are_plain_text_in_every_part(first: str, business: str) -> None:
    """Never evaluated, no tag of their own in the HTML, literal in the text, one line in the subject."""
    first, business = clean(first), clean(business)
    mail = render(Template("t", SOURCE, HTML, SOURCE, SOURCE), mail_variables(first_name=first, business_name=business))
    spoken = f"{first or 'there'} and {business or 'your business'}"
    assert mail.subject == clean(spoken)
    assert mail.text == spoken.strip() + "\n"
    assert len(mail.subject.splitlines()) == 1
    harmless = render(Template("t", SOURCE, HTML, SOURCE, SOURCE), mail_variables(first_name="A", business_name="B"))
    assert [mail.html.count(sign) for sign in '<>"'] == [harmless.html.count(sign) for sign in '<>"']


@given(first=hostile_text)
@steady
def test_the_derived_text_says_what_the_html_says(first: str) -> None:
    """Escaped and read again, a value is the same words."""
    first = clean(first)
    mail = render(Template("t", "s", "<p>{{ first_name }}</p>"), mail_variables(first_name=first))
    assert mail.text.split() == (first or "there").split()


@given(
    html=st.one_of(
        any_text, hostile_text, st.lists(st.sampled_from(["<p>", "</div>", "<a href=", "<!--", "x", "&"])).map("".join)
    )
)
@steady
def test_any_html_becomes_some_text(html: str) -> None:
    """Broken markup of a marketer is no crash."""
    assert html_to_text(html).endswith("\n")


claims = st.builds(Claim, hostile_text, hostile_text)
TOKEN = make_token("key", Claim("ann@example.org", "5day-0-2"))


@given(claim=claims, key=st.text(alphabet="abc ", min_size=1, max_size=8))
@steady
def test_a_token_says_what_went_in(claim: Claim, key: str) -> None:
    """And is refused under any other key."""
    token = make_token(key, claim)
    assert read_token(key, token) == claim
    with pytest.raises(SignatureError):
        read_token(key + "x", token)


@given(
    forged=st.one_of(
        hostile_text,
        st.text(alphabet="ABCabc019-_.=+/", max_size=90),
        st.builds(
            lambda cut, more: TOKEN[:cut] + more, st.integers(0, len(TOKEN)), st.text(alphabet="Aa0-_.", max_size=9)
        ),
        st.builds(lambda a, b: f"{TOKEN[:a]}{TOKEN[b:]}", st.integers(0, len(TOKEN)), st.integers(0, len(TOKEN))),
    )
)
@steady
def test_a_forged_token_is_refused(forged: str) -> None:
    """By nothing but a ``SignatureError``."""
    if forged.strip() != TOKEN:
        with pytest.raises(SignatureError):
            read_token("key", forged)


@given(
    text=hostile_text, at=instants, fields=st.dictionaries(st.text(min_size=1, max_size=300), long_text, max_size=30)
)
@steady
def test_an_alert_of_any_text_keeps_discords_limits(text: str, at: datetime, fields: dict[str, str]) -> None:
    """And never mentions anybody."""
    message = body(Alert(text * 50, text * 50, at, text * 200, fields))
    assert message["allowed_mentions"] == {"parse": []}
    assert len(str(message["content"])) <= 2_000
    embeds = message["embeds"]
    assert isinstance(embeds, list)
    (embed,) = embeds
    shown = [part for field in embed["fields"] for part in (field["name"], field["value"])]
    assert len(embed["title"]) + len(embed["description"]) + sum(map(len, shown)) <= 6_000
    assert all(shown)
