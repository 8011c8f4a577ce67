"""What lint finds, where, and that it never calls a template good that production would refuse."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import christmas_tasks
from christmas_tasks.errors import TemplateFault
from christmas_tasks.lint import LEVELS, Finding, Folder, Level, lint
from christmas_tasks.samples import LEADS
from christmas_tasks.template_format import StoredTemplate, encode
from christmas_tasks.templates import Template, render
from christmas_tasks.variables import Campaign, build

STARTER = Path(christmas_tasks.__file__).parent / "starter_templates"
FOOTER = '<a href="{{ unsubscribe_url }}">Stop</a> {{ postal_address }}'
GOOD = StoredTemplate(
    "5-Day E2",
    "For {{ first_name }}",
    f"<p>Hello</p>\n{FOOTER}",
    "Hello {{ unsubscribe_url }} {{ postal_address }}",
    "A preview",
)


def found(stored: StoredTemplate | None = None, **files: bytes | None) -> list[Finding]:
    """The findings of one folder, without those of the other 13."""
    folder = {**encode(stored or GOOD), **{name.replace("_", "."): content for name, content in files.items()}}
    given = {name: content for name, content in folder.items() if content is not None}
    return [finding for finding in lint([Folder("t/a", given)], "t") if finding.rule != "missing-template"]


def body(html: str) -> StoredTemplate:
    """The good template with another HTML body above its footer."""
    return replace(GOOD, html=f"{html}\n{FOOTER}")


def test_a_good_template_has_no_finding() -> None:
    """And so have all starter templates."""
    assert found() == []
    folders = [Folder(f"t/{p.name}", {f.name: f.read_bytes() for f in p.iterdir()}) for p in STARTER.iterdir()]
    assert lint(folders, "t") == ()


@pytest.mark.parametrize(
    ("html", "rule", "line"),
    [
        ("<p>\n{{ frist_name }}", "unknown-variable", 2),
        ("<p>\n\n{% if frist_name %}x{% endif %}", "unknown-variable", 3),
        ("<p>\n{% if segment %}", "syntax", 3),
        ("<p>\n{{ first_name }", "syntax", 2),
        ("<p>{{ first_name }}\n{%- if segment %}\n{ last }{% endif %}", "leftover-brace", 3),
        ("<style>a { b: c }\n</style>\n{first_name}", "leftover-brace", 3),
        ("\n{% include 'x' %}", "include", 2),
        ("\n{{ first_name | safe }}", "escaping-off", 2),
        ("<p>{{ first_name / 2 }}", "cannot-fill", 1),
        ('\n<a href="http://example.org">x</a>', "unsafe-link", 2),
        ('<a href="javascript:alert(1)">x</a>', "unsafe-link", 1),
        ('<a href=" java\nscript:alert(1)">x</a>', "unsafe-link", 1),
        ('<img alt="" src="data:image/png;base64,AA">', "unsafe-link", 1),
        ('<a href="//example.org">x</a>', "unsafe-link", 1),
        ('<a href="page.html">x</a>', "unsafe-link", 1),
        ('<a href="">x</a>', "unsafe-link", 1),
        ('<a href="{{ first_name }}">x</a>', "unsafe-link", 1),
        ('<p style="background: url(http://example.org/a.png)">', "unsafe-link", 1),
        ("<p>\n<script>x</script>", "active-content", 2),
        ('<p onclick="x">', "active-content", 1),
        ('<img src="https://example.org/a.png">', "image-alt", 1),
        ('<a href="{{ calendly_link }}">x</a>', "unguarded", 1),
        ("x" * 110_000, "clipped", 1),
        ("x" * 200_000, "too-long", 1),
        ("🎄" * 100_000, "too-long", 1),
    ],
)
def test_a_fault_of_the_html_is_found_on_its_line(html: str, rule: str, line: int) -> None:
    """One finding, in the right file, with a sentence that says what to do."""
    findings = [finding for finding in found(body(html)) if finding.rule == rule]
    assert [(finding.file, finding.line) for finding in findings[:1]] == [("t/a/body.html", line)]
    assert findings[0].sentence.endswith(".")
    assert str(findings[0]).startswith(f"t/a/body.html:{line}: {LEVELS[rule]} {rule}: ")


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://example.org/?n={{ first_name }}">x</a>',
        '<a href="mailto:you@example.org">x</a><a href="tel:+1">y</a><a href="#top">z</a>',
        '{% if calendly_link %}<a href="{{ calendly_link }}">x</a>{% endif %}',
        "<a href=\"{{ unsubscribe_url | default('x') }}\">x</a>",
        '<img src="https://example.org/a.png" alt="">',
        "<style>a { color: red } @media x { b { c: d } }</style>",
        '<p class="{% if red_systems > 2 %}a{% endif %}">{{ red_systems }}</p>',
    ],
)
def test_what_is_fine_is_left_alone(html: str) -> None:
    """No false alarm."""
    assert found(body(html)) == []


@pytest.mark.parametrize(
    ("change", "file", "line", "rule"),
    [
        ({"subject": ""}, "template.toml", 2, "empty-part"),
        ({"subject": "a\nb"}, "template.toml", 2, "line-break"),
        ({"subject": "{{ nobody }}"}, "template.toml", 2, "unknown-variable"),
        ({"subject": "x" * 61}, "template.toml", 2, "long-subject"),
        (
            {"subject": "{{ business_name * 3 }}"},
            "template.toml",
            2,
            "long-subject",
        ),
        ({"preview": ""}, "template.toml", 3, "no-preview"),
        ({"preview": "x" * 151}, "template.toml", 3, "long-preview"),
        ({"status": "Draft"}, "template.toml", 4, "inactive"),
        ({"name": "5-Day E22"}, "template.toml", 1, "unknown-name"),
        ({"text": ""}, "body.txt", 1, "no-text"),
        ({"text": "a\nhttp://example.org {{ unsubscribe_url }} {{ postal_address }}"}, "body.txt", 2, "unsafe-link"),
        ({"text": "{{ postal_address }}"}, "body.txt", 1, "no-unsubscribe"),
        ({"text": "{{ unsubscribe_url }}"}, "body.txt", 1, "no-address"),
        ({"html": "{% if unsubscribe_url %}{{ postal_address }}{% endif %}"}, "body.html", 1, "no-unsubscribe"),
        ({"html": "<p></p>", "name": "onboarding_phase1_email_1"}, "body.html", 1, "no-address"),
    ],
)
def test_a_fault_of_another_part_is_found(change: dict[str, str], file: str, line: int, rule: str) -> None:
    """Subject, preview, status, name and plain text."""
    assert (f"t/a/{file}", line, rule) in [(f.file, f.line, f.rule) for f in found(replace(GOOD, **change))]


def test_a_transactional_mail_needs_no_unsubscribe_link_but_a_guard() -> None:
    """Its link is empty unless a setting gives it one: both ways are tried."""
    onboarding = replace(GOOD, name="onboarding_phase1_email_1", text="{{ postal_address }}")
    assert [finding.rule for finding in found(onboarding)] == ["cannot-fill"]
    guarded = "{% if unsubscribe_url %}" + FOOTER.replace("</a>", "</a>{% endif %}")
    assert found(replace(onboarding, html=guarded)) == []


def test_a_misspelt_variable_is_told_its_right_name() -> None:
    """What the marketer meant is one copy away."""
    (finding,) = found(body("{{ frist_name }}"))
    assert 'write "first_name" if that is meant' in finding.sentence


def test_a_name_that_two_folders_have_is_an_error() -> None:
    """Nobody could tell which one counts."""
    files = encode(GOOD)
    findings = lint([Folder("t/a", files), Folder("t/b", files)], "t")
    assert [(f.file, f.level) for f in findings if f.rule == "duplicate-name"] == [("t/b/template.toml", Level.ERROR)]


def test_a_folder_that_cant_be_read_is_one_finding_and_not_a_missing_template() -> None:
    """The reason, not its consequence."""
    findings = lint([Folder("t/5day_e2", {**encode(GOOD), "template.toml": b"x"})], "t")
    assert [f.rule for f in findings if f.file.startswith("t/5day_e2/")] == ["toml"]


def test_every_template_that_is_missing_is_named() -> None:
    """All 14 but the one that is there."""
    findings = [f for f in lint([Folder("t/a", encode(GOOD))], "t") if f.rule == "missing-template"]
    assert len(findings) == 13
    assert "t/noshow_e1/template.toml" in {f.file for f in findings}


@pytest.mark.parametrize(
    "html",
    ["{{ x }}", "{{", "{ a }", "{% raw %}{{ a }}{% endraw %}", '<a href="{{ portal_url }}">x</a>', "<a href=x>",
     "{{ first_name.upper() }}", "{{ first_name | upper }}", "{% for i in range(3) %}{% endfor %}",
     "{{ red_systems + 1 }}", "{{ business_name.__class__ }}", "<base href='http://x'>", "{% set a = 1 %}{{ a }}"],
)  # fmt: skip
def test_without_an_error_production_renders_it_for_everybody(html: str) -> None:
    """And what production refuses for one of the leads is an error."""
    stored = body(html)
    errors = [finding for finding in found(stored) if finding.level is Level.ERROR]
    assert bool(errors) == any(refuses(stored.template, number) for number in range(len(LEADS)))


def refuses(template: Template, lead: int) -> bool:
    campaign = Campaign(date(2025, 12, 5), "https://example.org/call", "https://example.org/pdf", "1", "2", "Here")
    values = build(LEADS[lead].variables, LEADS[lead].segment, campaign, date(2025, 11, 20), "https://example.org/u")
    try:
        render(template, values)
    except TemplateFault:
        return True
    return False
