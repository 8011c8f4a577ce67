"""The 14 starter templates as files: complete, safe to mail, and readable with nothing but fallbacks."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import StrictUndefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

import christmas_tasks

ROOT = Path(christmas_tasks.__file__).parent / "starter_templates"

# Contract section 9: folder and the exact Template Name.
NAMES = {
    **{f"5day_e{n}": f"5-Day E{n}" for n in range(1, 6)},
    **{f"noshow_e{n}": f"noshow_recovery_email_{n}" for n in range(1, 4)},
    **{f"postcall_e{n}": f"postcall_maybe_email_{n}" for n in range(1, 4)},
    **{f"onboarding_e{n}": f"onboarding_phase1_email_{n}" for n in range(1, 4)},
}

# Contract section 9 with its fallbacks; what comes from settings is empty, the counts are numbers.
FALLBACKS: dict[str, Any] = {
    "first_name": "there",
    "business_name": "your business",
    "overall_score": "N/A",
    "assessment_score": "N/A",
    "segment": "OPTIMIZE",
    "readiness_zone": "Growth Zone",
    "weakest_system": "GPS",
    "weakest_system_1": "GPS",
    "weakest_system_2": "FUEL",
    "strongest_system": "CABIN",
    "WeakestSystem1": "GPS",
    "WeakestSystem2": "FUEL",
    "StrongestSystem": "CABIN",
    "red_systems": 0,
    "orange_systems": 0,
    "yellow_systems": 0,
    "green_systems": 0,
    "revenue_leak_total": 0,
    "TotalRevenueLeak_K": 0,
    "days_to_deadline": 0,
    "deadline_date": "December 5, 2025",
    "personalized_tip_1": "Write down one goal for December.",
    "personalized_tip_2": "Share the rota two weeks ahead.",
    "personalized_tip_3": "Block one hour a week to work on the business.",
    "calendly_link": "",
    "pdf_download_link": "",
    "spots_remaining": "",
    "bookings_count": "",
    "portal_url": "",
    "diagnostic_call_date": "",
    "unsubscribe_url": "https://www.example.org/unsubscribe?token=abc.def&lang=en",
    "postal_address": "1 Example Street, Exampletown",
}

FULL: dict[str, Any] = {
    **FALLBACKS,
    "first_name": "Sarah",
    "business_name": "Sarah & Co <Salon>",
    "overall_score": 42,
    "assessment_score": 42,
    "segment": "CRITICAL",
    "readiness_zone": "Crisis Zone",
    "red_systems": 3,
    "orange_systems": 2,
    "yellow_systems": 2,
    "green_systems": 1,
    "revenue_leak_total": 14700,
    "TotalRevenueLeak_K": 15,
    "days_to_deadline": 9,
    "calendly_link": "https://www.example.org/call?utm_source=email&utm_medium=nurture",
    "pdf_download_link": "https://www.example.org/report.pdf",
    "spots_remaining": "12",
    "bookings_count": "38",
    "portal_url": "https://www.example.org/portal",
    "diagnostic_call_date": "2025-11-24",
}

SAMPLES: dict[str, dict[str, Any]] = {
    "fallbacks": FALLBACKS,
    "critical": FULL,
    "urgent-tomorrow": {**FULL, "segment": "URGENT", "readiness_zone": "Warning Zone", "days_to_deadline": 1},
    "optimize-after-deadline": {**FULL, "segment": "OPTIMIZE", "readiness_zone": "Growth Zone", "days_to_deadline": 0},
    "numbers-as-text": {key: str(value) for key, value in FULL.items()},
}

UNSAFE_TAGS = {"script", "form", "iframe", "object", "embed", "link", "svg", "input", "button", "base"}
VOID_TAGS = {"meta", "br", "img", "hr"}

every_template = pytest.mark.parametrize("folder", sorted(NAMES))
every_sample = pytest.mark.parametrize("sample", sorted(SAMPLES))


class Page(HTMLParser):
    """What a mail program sees: tags with attributes, links, and the nesting, judged while parsing."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(html)
        self.close()
        self.faults += [f"<{tag}> stays open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "br":
            self.text += " "
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    @property
    def links(self) -> list[str]:
        return [attrs.get("href") or "" for tag, attrs in self.tags if tag == "a"]


def environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    """Jinja2 as the contract wants it: sandboxed, strict, escaping in HTML alone."""
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=html)


def meta_of(folder: str) -> dict[str, str]:
    """The four strings of template.toml."""
    data = tomllib.loads((ROOT / folder / "template.toml").read_text("utf-8"))
    return {key: str(value) for key, value in data.items()}


def sources(folder: str) -> dict[str, str]:
    """The template texts of one mail by part."""
    data = meta_of(folder)
    return {
        "subject": data["subject"],
        "preview": data["preview"],
        "html": (ROOT / folder / "body.html").read_text("utf-8"),
        "text": (ROOT / folder / "body.txt").read_text("utf-8"),
    }


def rendered(folder: str, variables: dict[str, Any]) -> dict[str, str]:
    """The rendered parts of one mail, in one pass."""
    return {
        part: environment(html=part == "html").from_string(source).render(variables)
        for part, source in sources(folder).items()
    }


def calls_to_action(links: list[str]) -> list[str]:
    """The links that ask the reader to act: all but the unsubscribe link."""
    return [link for link in links if link.startswith("https://") and "/unsubscribe" not in link]


def test_there_is_one_folder_for_each_email_of_the_contract() -> None:
    """The folders carry exactly the names of the contract, each with its three files and nothing else."""
    folders = {path.name: path for path in ROOT.iterdir() if path.is_dir()}
    assert set(folders) == set(NAMES)
    for name, path in folders.items():
        assert {file.name for file in path.iterdir()} == {"template.toml", "body.html", "body.txt"}, name
    assert {name: meta_of(name)["name"] for name in folders} == NAMES


@every_template
def test_the_description_holds_four_filled_strings(folder: str) -> None:
    """template.toml has name, subject, preview and an active status, all filled."""
    data = meta_of(folder)
    assert set(data) == {"name", "subject", "preview", "status"}
    assert all(value.strip() == value and value for value in data.values())
    assert data["status"] == "Active"


@every_template
def test_only_variables_of_the_contract_are_used(folder: str) -> None:
    """Every part parses and asks for nothing that the contract doesn't define."""
    for part, source in sources(folder).items():
        unknown = meta.find_undeclared_variables(environment(html=True).parse(source)) - set(FALLBACKS)
        assert not unknown, f"{part}: {sorted(unknown)}"


@every_sample
@every_template
def test_renders_without_leftovers(folder: str, sample: str) -> None:
    """Nothing of the template language, no blank value and no run of blank lines is left after one pass."""
    parts = rendered(folder, SAMPLES[sample])
    for part, value in parts.items():
        assert value.strip(), part
        assert not re.search(r"\{\{|\}\}|\{%|%\}|\{#|#\}", value), part
        assert not re.search(r"\bNone\b|Undefined", value), part
    for part in ("subject", "preview", "text"):
        assert not re.search(r"\n{3,}| ,| \.(?!\w)|\(\)|[^\S\n]{2,}|[^\S\n]\n", parts[part]), part


@every_template
def test_subject_is_one_short_line(folder: str) -> None:
    """Subject and preview are one line each; the subject has at most 60 characters, no shouting, no emoji."""
    for variables in ({**FULL, "business_name": "Golden Comb Salon"}, FALLBACKS):
        parts = rendered(folder, variables)
        assert len(parts["subject"].splitlines()) == 1
        assert len(parts["subject"]) <= 60
        assert len(parts["preview"].splitlines()) == 1
        assert len(parts["preview"]) <= 100
        assert "!" not in parts["subject"]
        assert all(ord(char) < 0x2600 for char in parts["subject"])


@every_sample
@every_template
def test_both_parts_show_the_unsubscribe_link_and_the_postal_address(folder: str, sample: str) -> None:
    """The footer is there in HTML, as a link, and in plain text."""
    variables = SAMPLES[sample]
    parts = rendered(folder, variables)
    page = Page(parts["html"])
    assert variables["unsubscribe_url"] in page.links
    assert variables["postal_address"] in page.text
    assert variables["unsubscribe_url"] in parts["text"].splitlines()
    assert variables["postal_address"] in parts["text"].splitlines()


@pytest.mark.parametrize("folder", [name for name in sorted(NAMES) if name.startswith("onboarding")])
def test_a_transactional_mail_without_an_unsubscribe_link_shows_no_empty_one(folder: str) -> None:
    """Onboarding mails read well when the setting gives them no unsubscribe link."""
    parts = rendered(folder, {**FULL, "unsubscribe_url": ""})
    assert "nsubscribe" not in Page(parts["html"]).text
    assert "nsubscribe" not in parts["text"]
    assert "" not in Page(parts["html"]).links
    assert FULL["postal_address"] in parts["text"]


@every_sample
@every_template
def test_html_is_a_whole_and_safe_document(folder: str, sample: str) -> None:
    """Well nested, with language, title and dark mode; tables are for layout; nothing active, no plain http."""
    html = rendered(folder, SAMPLES[sample])["html"]
    page = Page(html)
    assert page.faults == []
    assert html.startswith("<!DOCTYPE html>")
    assert ("html", {"lang": "en"}) in page.tags
    assert "prefers-color-scheme: dark" in html
    assert ("meta", {"name": "color-scheme", "content": "light dark"}) in page.tags
    names = [tag for tag, _ in page.tags]
    assert names.count("title") == names.count("h1") == names.count("body") == 1
    assert not UNSAFE_TAGS & set(names)
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")], tag
        if tag == "table":
            assert attrs.get("role") == "presentation"
        if tag == "img":
            assert attrs.get("alt") is not None
    assert "http://" not in html


@every_template
def test_html_is_small_and_quotes_every_attribute(folder: str) -> None:
    """Under 9,000 characters, and no attribute value, least of all a variable, stands without quotes."""
    html = sources(folder)["html"]
    assert len(html) < 9000
    # A value that starts without a quote inside a tag; comments for Outlook hold tags too, so they count.
    tags = re.findall(r"<[a-zA-Z][^<>]*>", re.sub(r"\"[^\"]*\"", '""', html))
    assert tags
    assert not [tag for tag in tags if re.search(r"=\s*[^\"\s]", tag)]


@every_template
def test_links_come_from_variables_only(folder: str) -> None:
    """The operator's settings alone decide where a reader is led; no address is written into a template."""
    parts = sources(folder)
    assert all(re.fullmatch(r"\{\{ \w+ \}\}", link) for link in Page(parts["html"]).links)
    assert not re.search(r"https?:|mailto:|www\.", "".join(parts.values()))


@every_sample
@every_template
def test_a_mail_asks_for_one_thing(folder: str, sample: str) -> None:
    """One link to act on at most; without any, the reader is asked to reply; both parts agree."""
    parts = rendered(folder, SAMPLES[sample])
    page = Page(parts["html"])
    assert "" not in page.links
    links = calls_to_action(page.links)
    assert links == calls_to_action(parts["text"].splitlines())
    assert len(links) <= 1
    if not links:
        assert re.search(r"\b[Rr]eply\b", parts["text"])


@every_sample
@every_template
def test_html_and_text_say_the_same(folder: str, sample: str) -> None:
    """Every paragraph of the text part, but the line that introduces a link, stands in the HTML part as well."""
    parts = rendered(folder, SAMPLES[sample])
    words = " ".join(Page(parts["html"]).text.split())
    for line in parts["text"].splitlines():
        spoken = re.sub(r"^(\d+\.|-) ", "", line)
        # The four counts are a table in HTML: number above color.
        spoken = re.sub(r"^(Red|Orange|Yellow|Green): (\d+)$", r"\2 \1", spoken)
        spoken = re.sub(r"^(Your first step|A tip to keep|Your diagnostic call): ", "", spoken)
        if spoken and not spoken.startswith("https://") and not spoken.endswith(":") and spoken != "--":
            assert spoken in words


@every_template
def test_values_are_escaped_in_html_and_plain_in_text(folder: str) -> None:
    """A name with markup stays text: none of its tags reach the HTML part, the text part shows it as it is."""
    hostile = '</p><img src=x onerror="x"> {{ 7*7 }}'
    parts = rendered(folder, {**FULL, "first_name": hostile, "business_name": hostile})
    assert "img" not in [tag for tag, _ in Page(parts["html"]).tags]
    assert f"Hi {hostile}," in parts["text"]
