"""From a template and its variables to the three parts of a mail: sandboxed, strict, one pass (contract section 9)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from html import escape

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2 import Template as CompiledTemplate
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from christmas_tasks.errors import TemplateFault
from christmas_tasks.mail_html import html_to_text, links
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


class Rule(StrEnum):
    """Why production refuses a template whoever receives it; the value is the rule's name in ``templates lint``."""

    INACTIVE = "inactive"
    EMPTY = "empty-part"
    SYNTAX = "syntax"
    UNKNOWN_VARIABLE = "unknown-variable"
    INCLUDE = "include"
    ESCAPING_OFF = "escaping-off"
    LEFTOVER_BRACE = "leftover-brace"


@dataclass(frozen=True)
class Problem:
    """One reason to refuse a template.

    Args:
        part: ``subject``, ``HTML body``, ``preview text``, ``plain text body``, or ``status``.
        rule: Which one.
        sentence: For people, what to do included; without braces, which Kestra would read as an expression.
        line: Of the part, from 1.
    """

    part: str
    rule: Rule
    sentence: str
    line: int = 1


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
    preview = preview_line(template, variables)
    text = _fill(template, "plain text body", template.text, variables)
    if not subject:
        raise TemplateFault(template.name, "the subject is empty once filled in.")
    for link in links(html):
        if problem := link_problem(link):
            raise TemplateFault(template.name, problem)
    html = _with_preheader(html, preview)
    return RenderedMail(subject, html, text.strip() + "\n" if text.strip() else html_to_text(html))


def preview_line(template: Template, variables: Mapping[str, str | float]) -> str:
    """What mail programs show beside the subject; one line, or empty. Raises as ``render``."""
    return clean(_fill(template, "preview text", template.preview, variables))


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
    return tuple(problem.sentence for problem in located_problems(template))


@lru_cache(maxsize=64)
def located_problems(template: Template) -> tuple[Problem, ...]:
    """The same, with part, rule and line. An inactive template has this one problem: nobody reads further."""
    if not template.is_active:
        sentence = "its Status is not Active: set it to Active, or repair it first."
        return (Problem("status", Rule.INACTIVE, sentence),)
    found = [
        Problem(part, Rule.EMPTY, f"its {column} is empty: fill it in.")
        for part, column, source in (
            ("subject", "Subject Line", template.subject),
            ("HTML body", "Email Body HTML", template.html),
        )
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


def link_problem(link: str) -> str:
    """Why a link can't stand in a mail, as a sentence; empty if it can. Blanks within it are taken out before."""
    if _SAFE_LINK.match(link):
        return ""
    if not link.strip():
        return "a link is empty once filled in: set the setting behind it, or guard it with an if."
    scheme = link.partition(":")[0] if ":" in link else "no scheme"
    kind = scheme if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,15}", scheme) else "no scheme"
    return f"a link is unsafe ({kind}): links must begin with https:// or mailto:."


def _source_problems(part: str, source: str) -> list[Problem]:
    try:
        tree = _environment(escaped=False).parse(source)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        sentence = f"the {part} has a mistake in its braces{where}: {_spoken(error)}."
        return [Problem(part, Rule.SYNTAX, sentence, line or 1)]
    found = [
        Problem(
            part,
            Rule.UNKNOWN_VARIABLE,
            f'the {part} uses the variable "{name}", which no mail has: {_remedy(name)}.',
            next((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), 1),
        )
        for name in unknown_variables(source)
    ]
    included = next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None)
    if included is not None:
        sentence = f"the {part} includes another template, which is not possible here."
        found.append(Problem(part, Rule.INCLUDE, sentence, included.lineno))
    if line := _turns_escaping_off(tree):
        found.append(
            Problem(part, Rule.ESCAPING_OFF, f"the {part} turns escaping off (safe, autoescape): remove that.", line)
        )
    return [*found, *_leftover_braces(part, source)]


def _leftover_braces(part: str, source: str) -> list[Problem]:
    pieces = [(line, text) for line, kind, text in _environment(escaped=False).lex(source) if kind == "data"]
    # A style sheet's braces are its own; blanks of the same number keep the places.
    literals = _STYLE.sub(lambda style: " " * len(style[0]), "".join(text for _, text in pieces))
    leftover = _LEFTOVER.search(literals)
    if leftover is None:
        return []
    # Without the braces themselves: the message passes through Kestra, which reads them as an expression.
    near = re.sub(r"[{}%#]", "", literals[leftover.start() : leftover.end() + 20]).strip()[:40]
    sentence = f'the {part} has a leftover brace near "{near}": put variables in two curly braces on each side.'
    begins = 0
    for line, text in pieces:
        if leftover.start() < begins + len(text):
            return [Problem(part, Rule.LEFTOVER_BRACE, sentence, line + text[: leftover.start() - begins].count("\n"))]
        begins += len(text)
    return [Problem(part, Rule.LEFTOVER_BRACE, sentence)]


def _remedy(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    near = get_close_matches(name, sorted(NAMES), 1)
    return f'write "{near[0]}" if that is meant, or remove it' if near else "correct its spelling or remove it"


def _spoken(error: TemplateError) -> str:
    # Braces would be read as an expression by Kestra, through which the message passes.
    return re.sub(r"[{}%#]", "", error.message or type(error).__name__)[:200]


def _turns_escaping_off(tree: nodes.Template) -> int:
    """The line where it does so first, or 0."""
    filters = [node.lineno for node in tree.find_all(nodes.Filter) if node.name in {"safe", "xmlattr"}]
    blocks = [node.lineno for node in tree.find_all(nodes.ScopedEvalContextModifier)]
    return min([*filters, *blocks], default=0)


def _fill(template: Template, part: str, source: str, variables: Mapping[str, str | float]) -> str:
    try:
        filled = _compiled(source, escaped=part == "HTML body").render(variables)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        # The message of an expression's error may quote a value, which is text of other people: name its kind only.
        raise TemplateFault(template.name, f"the {part} can't be filled in ({type(error).__name__}).") from None
    if len(filled) > _MAX_PART_CHARACTERS:
        raise TemplateFault(template.name, f"the {part} is longer than {_MAX_PART_CHARACTERS} characters.")
    return filled


@lru_cache(maxsize=128)
def _compiled(source: str, *, escaped: bool) -> CompiledTemplate:
    # Compiling takes longer than filling in, and lint and preview fill each source in for many leads.
    return _environment(escaped=escaped).from_string(source)


@cache
def _environment(*, escaped: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=escaped, keep_trailing_newline=True
    )
    # Jinja2's own helpers (range, lipsum, ...) are no variables of a mail: a template that names one is told so.
    environment.globals.clear()
    return environment


def _with_preheader(html: str, preview: str) -> str:
    if not preview:
        return html
    block = (
        '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all" aria-hidden="true">'
        f"{escape(preview)}{'&#847;&zwnj;&nbsp;' * 40}</div>"
    )
    body = _BODY_TAG.search(html)
    return html[: body.end()] + block + html[body.end() :] if body else block + html
