"""From a template and its variables to the three parts of a mail: sandboxed, strict, one pass (contract section 9)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from html.parser import HTMLParser
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from christmas_tasks.errors import TemplateFault
from christmas_tasks.text import clean
from christmas_tasks.variables import NAMES

_LEFTOVER = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}|\{\s*[A-Za-z_][\w ]*\s*\}")
_STYLE = re.compile(r"<style\b.*?</style\s*>", re.IGNORECASE | re.DOTALL)
_BODY_TAG = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
# Plain http only for this machine: the links of a try-out.
_SAFE_LINK = re.compile(r"https://|mailto:|tel:|#|http://(127\.0\.0\.1|localhost)(:\d+)?(/|$)", re.IGNORECASE)
_MAX_PART_CHARACTERS = 400_000


@dataclass(frozen=True)
class Template:
    """One row of the templates database, as the marketer wrote it."""

    name: str
    subject: str
    html: str
    text: str = ""
    preview: str = ""
    is_active: bool = True


@dataclass(frozen=True)
class RenderedMail:
    """The three parts as they go out. ``subject`` is one line."""

    subject: str
    html: str
    text: str


def render(template: Template, variables: Mapping[str, str | float]) -> RenderedMail:
    """Fill in a template.

    Args:
        template: Sources of subject, HTML, text and preview.
        variables: Every name of ``variables.NAMES``; escaped in HTML, plain elsewhere, never read as template text.

    Raises:
        TemplateFault: Inactive, empty, an unknown variable, a syntax error, a leftover brace, an unsafe link.
    """
    for problem in problems(template):
        raise TemplateFault(template.name, problem)
    subject = clean(_fill(template, "subject", template.subject, variables))
    html = _fill(template, "HTML body", template.html, variables)
    preview = clean(_fill(template, "preview text", template.preview, variables))
    text = _fill(template, "plain text body", template.text, variables)
    if not subject:
        raise TemplateFault(template.name, "the subject is empty once filled in.")
    for link in _links(html):
        if not _SAFE_LINK.match(link):
            raise TemplateFault(template.name, _link_problem(link))
    html = _with_preheader(html, preview)
    return RenderedMail(subject, html, text.strip() + "\n" if text.strip() else html_to_text(html))


def with_footer(mail: RenderedMail, link: str, postal_address: str) -> RenderedMail:
    """*mail* with the unsubscribe link and the postal address in both parts, added only where the template has none.

    Args:
        mail: As rendered.
        link: The mail's own unsubscribe link.
        postal_address: Of the sender; may be empty.
    """
    html, text = mail.html, mail.text
    footer = ""
    if escape(link) not in html and link not in html:
        footer += f'<a href="{escape(link)}">Unsubscribe</a> '
    if postal_address and escape(postal_address) not in html:
        footer += escape(postal_address)
    if footer:
        block = f'<p style="font-size:12px;text-align:center">{footer.strip()}</p>'
        head, end, tail = html.rpartition("</body>")
        html = f"{head}{block}{end}{tail}" if end else f"{html}{block}"
    missing = [
        line for what, line in ((link, f"Unsubscribe: {link}"), (postal_address, postal_address)) if what not in text
    ]
    if missing:
        text = "\n".join([text.rstrip("\n"), "", *missing, ""])
    return RenderedMail(mail.subject, html, text)


def problems(template: Template) -> tuple[str, ...]:
    """What is wrong with a template whoever receives it, in reading order; empty if nothing is."""
    if not template.is_active:
        return ("its Status is not Active: set it to Active, or repair it first.",)
    found = [
        f"its {column} is empty: fill it in."
        for column, source in (("Subject Line", template.subject), ("Email Body HTML", template.html))
        if not source.strip()
    ]
    for part, source in (
        ("subject", template.subject),
        ("HTML body", template.html),
        ("preview text", template.preview),
        ("plain text body", template.text),
    ):
        found.extend(_source_problems(part, source))
    return tuple(found)


def unknown_variables(source: str) -> tuple[str, ...]:
    """The names in *source* that no mail has, sorted. Raises jinja2's ``TemplateError`` on bad syntax."""
    return tuple(sorted(find_undeclared_variables(_environment(escaped=False).parse(source)) - NAMES))


def html_to_text(html: str) -> str:
    """A readable plain-text part for a mail that has none: paragraphs, list dashes, links behind their words."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t\r\f\v]+", " ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _source_problems(part: str, source: str) -> list[str]:
    try:
        tree = _environment(escaped=False).parse(source)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        return [f"the {part} has a mistake in its braces{where}: {_spoken(error)}."]
    found = [
        f'the {part} uses the variable "{name}", which no mail has: correct its spelling or remove it.'
        for name in unknown_variables(source)
    ]
    if any(True for _ in find_referenced_templates(tree)):
        found.append(f"the {part} includes another template, which is not possible here.")
    if _turns_escaping_off(tree):
        found.append(f"the {part} turns escaping off (safe, autoescape): remove that.")
    literals = "".join(str(data.data) for data in tree.find_all(nodes.TemplateData))
    literals = _STYLE.sub("", literals)
    leftover = _LEFTOVER.search(literals)
    if leftover:
        # Without the braces themselves: the message passes through Kestra, which reads them as an expression.
        near = re.sub(r"[{}%#]", "", literals[leftover.start() : leftover.end() + 20]).strip()[:40]
        found.append(f'the {part} has a leftover brace near "{near}": put variables in two curly braces on each side.')
    return found


def _spoken(error: TemplateError) -> str:
    # Braces would be read as an expression by Kestra, through which the message passes.
    return re.sub(r"[{}%#]", "", error.message or type(error).__name__)[:200]


def _turns_escaping_off(tree: nodes.Template) -> bool:
    filters = {node.name for node in tree.find_all(nodes.Filter)}
    return bool(filters & {"safe", "xmlattr"}) or any(True for _ in tree.find_all(nodes.ScopedEvalContextModifier))


def _fill(template: Template, part: str, source: str, variables: Mapping[str, str | float]) -> str:
    environment = _environment(escaped=part == "HTML body")
    try:
        filled = environment.from_string(source).render(variables)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        # The message of an expression's error may quote a value, which is text of other people: name its kind only.
        raise TemplateFault(template.name, f"the {part} can't be filled in ({type(error).__name__}).") from None
    if len(filled) > _MAX_PART_CHARACTERS:
        raise TemplateFault(template.name, f"the {part} is longer than {_MAX_PART_CHARACTERS} characters.")
    return filled


@cache
def _environment(*, escaped: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=escaped, keep_trailing_newline=True
    )
    # Jinja2's own helpers (range, lipsum, ...) are no variables of a mail: a template that names one is told so.
    environment.globals.clear()
    return environment


def _link_problem(link: str) -> str:
    if not link.strip():
        return "a link is empty once filled in: set the setting behind it, or guard it with an if."
    scheme = link.partition(":")[0] if ":" in link else "no scheme"
    kind = scheme if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,15}", scheme) else "no scheme"
    return f"a link is unsafe ({kind}): links must begin with https:// or mailto:."


def _with_preheader(html: str, preview: str) -> str:
    if not preview:
        return html
    block = (
        '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all" aria-hidden="true">'
        f"{escape(preview)}{'&#847;&zwnj;&nbsp;' * 40}</div>"
    )
    body = _BODY_TAG.search(html)
    return html[: body.end()] + block + html[body.end() :] if body else block + html


def _links(html: str) -> list[str]:
    reader = _LinkReader()
    reader.feed(html)
    reader.close()
    return reader.links


class _LinkReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links.extend(
            "".join((value or "").split())
            for name, value in attrs
            if name in {"href", "src", "action", "background"}
            and not (tag == "img" and (value or "").startswith("cid:"))
        )


class _TextReader(HTMLParser):
    _BLOCKS = frozenset({"p", "div", "tr", "table", "h1", "h2", "h3", "h4", "ul", "ol", "blockquote", "hr"})
    _SILENT = frozenset({"style", "script", "head", "title"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0
        self._hidden: list[str] = []
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        if tag == "body":
            # HTML lets the end of the head be left out.
            self._silent = 0
            self._hidden.clear()
        if tag in self._SILENT or (tag == "div" and (self._silent or given.get("aria-hidden") == "true")):
            self._silent += 1
            self._hidden.append(tag)
        if self._silent:
            return
        if tag == "br":
            self.pieces.append("\n")
        elif tag == "li":
            self.pieces.append("\n- ")
        elif tag in self._BLOCKS:
            self.pieces.append("\n\n")
        elif tag == "a":
            self._href = given.get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()
            self._silent -= 1
            return
        if self._silent:
            return
        if tag == "a" and self._href:
            self.pieces.append(f" ({self._href})")
            self._href = ""
        elif tag in self._BLOCKS:
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data.replace("\n", " "))
