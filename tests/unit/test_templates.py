"""Templates against contract section 9: sandboxed, strict, one pass, escaped where it must be."""

from datetime import date
from typing import Any

import pytest

from christmas_tasks.errors import TemplateFault
from christmas_tasks.mail_html import html_to_text
from christmas_tasks.segments import Segment
from christmas_tasks.templates import RenderedMail, Template, problems, render, unknown_variables
from christmas_tasks.variables import NAMES, Campaign, build

HOSTILE = "{{ secret('X') }}{{ 7*7 }}{% raw %}</script><img src=x onerror=alert(1)>\"'&\\\r\nBcc: bob@example.org"


def template(**more: Any) -> Template:
    return Template(**{"name": "5-Day E2", "subject": "Hello", "html": "<p>Hello</p>", **more})


def variables(**given: Any) -> dict[str, str | float]:
    campaign = Campaign(date(2025, 12, 5), calendly_link="https://example.org/call?a=1&b=2")
    return build(given, Segment.OPTIMIZE, campaign, date(2025, 11, 20), "https://example.org/u?token=t")


def filled(given: dict[str, Any] | None = None, **parts: Any) -> RenderedMail:
    return render(template(**parts), variables(**(given or {})))


def fault(**parts: Any) -> str:
    """The problem that a rendering with all fallbacks meets."""
    with pytest.raises(TemplateFault) as caught:
        filled(**parts)
    assert caught.value.template == "5-Day E2"
    return caught.value.problem


def test_a_template_is_filled_in_all_its_parts() -> None:
    """Subject, HTML, text and preview."""
    mail = filled(
        {"first_name": "Ann", "assessment_score": 41},
        subject="{{ first_name }}: {{ overall_score }}",
        html="<html><body><p>{{first_name}}</p></body></html>",
        text="Dear {{ first_name }}",
        preview="For {{ first_name }}",
    )
    assert mail.subject == "Ann: 41"
    assert "<p>Ann</p>" in mail.html
    assert mail.html.index("<body>") < mail.html.index("For Ann") < mail.html.index("<p>Ann</p>")
    assert mail.text == "Dear Ann\n"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_variable_of_the_contract_can_be_used_in_every_part(name: str) -> None:
    """With nothing but fallbacks, none is undefined."""
    source = "x{{ " + name + " }}"
    mail = filled(subject=source, html=f"<p>{source}</p>", text=source, preview=source)
    assert mail.subject.startswith("x")


# Text of other people.


def test_values_are_escaped_in_html_and_plain_elsewhere() -> None:
    """A value in the HTML can open no tag and leave no attribute."""
    source = "{{ business_name }}"
    mail = filled({"business_name": "<b a=\"1\" c='2'>&"}, subject=source, html=f"<p>{source}</p>", text=source)
    assert "&lt;b a=&#34;1&#34; c=&#39;2&#39;&gt;&amp;" in mail.html
    assert mail.subject == "<b a=\"1\" c='2'>&"
    assert mail.text == "<b a=\"1\" c='2'>&\n"


def test_a_value_is_never_read_as_template_text() -> None:
    """One pass: braces in a name stand in the mail as they came."""
    source = "{{ first_name }}"
    mail = filled({"first_name": HOSTILE}, subject=source, html=f"<p>{source}</p>", text=source, preview=source)
    assert "{{ 7*7 }}" in mail.subject
    assert "{{ 7*7 }}" in mail.text
    assert "{{ 7*7 }}" in mail.html
    assert "49" not in mail.subject + mail.text + mail.html
    assert "<img" not in mail.html
    assert "<script" not in mail.html


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028", "\x0b", "\x85", "\x00\n"])
def test_a_subject_is_one_line_whatever_stands_in_it(line_break: str) -> None:
    """No header can be slipped in, by a value or by the template."""
    mail = filled({"first_name": f"Ann{line_break}Bcc: x"}, subject=f"A{line_break}B {{{{ first_name }}}}")
    assert len(mail.subject.splitlines()) == 1
    assert mail.subject == mail.subject.strip()


def test_the_preview_is_escaped_once() -> None:
    """It stands in the HTML as text."""
    mail = filled({"first_name": "<b>&"}, preview="{{ first_name }}")
    assert "&lt;b&gt;&amp;" in mail.html
    assert "<b>" not in mail.html


# Faults.


def test_only_an_active_template_is_used() -> None:
    """The one problem that counts is its status."""
    assert problems(template(is_active=False, subject="")) == (
        "its Status is not Active: set it to Active, or repair it first.",
    )
    assert "not Active" in fault(is_active=False)


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_an_empty_subject_or_body_is_a_fault(blank: str) -> None:
    """Each is named, by its column."""
    assert fault(subject=blank) == "its Subject Line is empty: fill it in."
    assert fault(html=blank) == "its Email Body HTML is empty: fill it in."
    assert len(problems(template(subject=blank, html=blank))) == 2


def test_a_subject_that_is_empty_once_filled_in_is_a_fault() -> None:
    """No mail without a subject."""
    assert "subject is empty" in fault(subject="{{ spots_remaining }}")


@pytest.mark.parametrize(
    ("part", "spoken"),
    [("subject", "subject"), ("html", "HTML body"), ("text", "plain text body"), ("preview", "preview text")],
)
def test_a_variable_that_nobody_defines_is_named_with_its_part(part: str, spoken: str) -> None:
    """In any part, before anything is sent."""
    problem = fault(**{part: "Hi {{ frist_name }}"})
    assert "frist_name" in problem
    assert spoken in problem


@pytest.mark.parametrize(
    "name", ["config", "request", "range", "lipsum", "cycler", "First_Name", "calendlyLink", "email"]
)
def test_names_outside_the_contract_are_unknown(name: str) -> None:
    """Jinja2's own helpers, other spellings, and what mails don't have."""
    assert unknown_variables("{{ " + name + " }}") == (name,)
    assert name in fault(html="<p>{{ " + name + " }}</p>")


def test_an_unknown_variable_within_a_condition_is_found_though_it_is_not_reached() -> None:
    """The first day tells, not the first contact who gets there."""
    assert "typo" in fault(html="<p>{% if red_systems > 5 %}{{ typo }}{% endif %}</p>")


@pytest.mark.parametrize(
    "source",
    [
        "{{ first_name }",
        "{{ first_name",
        "{% if red_systems %}x",
        "{{ }}",
        "{% unknown %}",
        "{first_name}",
        "{ first_name }",
        "}}",
        "x {% raw %}{{ first_name }}{% endraw %}",
    ],
)
@pytest.mark.parametrize("part", ["subject", "html", "text", "preview"])
def test_a_mistake_in_the_braces_is_a_fault_whose_message_has_none(part: str, source: str) -> None:
    """Kestra would read braces in a message as an expression."""
    problem = fault(**{part: source})
    assert "brace" in problem
    assert not set("{}") & set(problem)


def test_the_braces_of_a_style_block_are_no_mistake() -> None:
    """CSS is full of them."""
    mail = filled(html="<style>p { color: red } @media x { p{a:b} }</style><p>{{ first_name }}</p>")
    assert "there" in mail.html


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ first_name.__class__ }}",
        "{{ first_name.__init__.__globals__ }}",
        "{{ first_name|attr('__class__')|attr('__mro__') }}",
        "{{ '%s'|format(first_name.__class__) }}",
        "{{ 1 / 0 }}",
        "{{ first_name + 1 }}",
        "{{ first_name.nothing.more }}",
        "{{ first_name['x'] }}",
    ],
)
def test_the_sandbox_gives_nothing_away(source: str) -> None:
    """What leads out of the template's data, or breaks, is a fault and no crash."""
    problem = fault(html=f"<p>{source}</p>")
    assert "class" not in problem.replace("HTML body", "")
    assert "there" not in problem


@pytest.mark.parametrize(
    "source",
    [
        "{{ first_name|safe }}",
        "{% autoescape false %}{{ first_name }}{% endautoescape %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
    ],
)
def test_a_template_cannot_turn_escaping_off_or_read_another(source: str) -> None:
    """Values of other people stay escaped, whoever writes the template."""
    assert fault(html=f"<p>x</p>{source}")


@pytest.mark.parametrize(
    "href",
    [
        "https://example.org",
        "HTTPS://example.org",
        "mailto:ann@example.org",
        "tel:+15550100",
        "#top",
        "http://127.0.0.1:8025/x",
        "http://localhost:8025/x",
        "{{ calendly_link }}",
        "{{ unsubscribe_url }}",
    ],
)
def test_a_safe_link_may_stand_in_a_mail(href: str) -> None:
    """And arrives as it was, escaped."""
    assert "href=" in filled(html=f'<a href="{href}">x</a>').html


@pytest.mark.parametrize(
    "href",
    [
        "http://example.org",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "&#106;avascript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//example.org",
        "/page",
        "example.org",
        "",
        "{{ portal_url }}",
        "http://example.org/#top",
        "javascript:alert(1)//https://example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org/",
        "http://localhost@example.org/",
    ],
)
@pytest.mark.parametrize("attribute", ["<a href", "<img src", "<form action", "<table background"])
def test_an_unsafe_or_empty_link_is_a_fault(attribute: str, href: str) -> None:
    """In any attribute that fetches or leads somewhere; the message holds no value."""
    problem = fault(html=f'<p>x</p>{attribute}="{href}">x')
    assert "link" in problem
    assert "alert" not in problem


def test_a_value_that_is_no_link_is_found_once_it_is_filled_in() -> None:
    """The contact's own data is checked like the marketer's."""
    with pytest.raises(TemplateFault, match="unsafe"):
        filled({"portal_url": "javascript:alert(1)"}, html='<a href="{{ portal_url }}">x</a>')


def test_an_endless_part_is_a_fault() -> None:
    """No mail of megabytes."""
    assert "longer than" in fault(html="<p>{{ first_name * 200000 }}</p>")


# The text part.


@pytest.mark.parametrize("blank", ["", " ", "\n\n"])
def test_without_a_plain_text_body_one_is_derived(blank: str) -> None:
    """From the filled-in HTML, entities decoded."""
    mail = filled({"first_name": "A & B"}, html="<p>Dear {{ first_name }},</p><p>bye</p>", text=blank)
    assert mail.text == "Dear A & B,\n\nbye\n"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb\n"),
        ("a<br>b<br/>c", "a\nb\nc\n"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b\n"),
        ('<a href="https://example.org/?a=1&amp;b=2">Go</a>', "Go (https://example.org/?a=1&b=2)\n"),
        ("<a>Go</a>", "Go\n"),
        ("a\n   b", "a b\n"),
        ("<p>a &amp; b &lt;c&gt; &euro;</p>", "a & b <c> \N{EURO SIGN}\n"),
        ("<style>p { x }</style><p>a</p>", "a\n"),
        ("<script>alert(1)</script><p>a</p>", "a\n"),
        ("<head><title>t</title><style>x</style></head><body>a</body>", "a\n"),
        ("<head><title>t</title><body><p>a</p></body>", "a\n"),
        ('<div aria-hidden="true">hidden</div><p>a</p>', "a\n"),
        ('<div aria-hidden="true"><div>x</div>hidden</div><p>a</p>', "a\n"),
        ("<h1>A</h1><div><div><p>b</p></div></div>", "A\n\nb\n"),
        ("<p>a<p>b", "a\n\nb\n"),
        ("", "\n"),
    ],
)
def test_html_becomes_readable_text(html: str, text: str) -> None:
    """Paragraphs, breaks, lists and links; nothing hidden, no markup."""
    assert html_to_text(html) == text


def test_the_preview_does_not_show_in_the_derived_text() -> None:
    """It is for the inbox list alone."""
    mail = filled(html="<body><p>a</p></body>", preview="Look inside")
    assert "Look inside" in mail.html
    assert mail.text == "a\n"
