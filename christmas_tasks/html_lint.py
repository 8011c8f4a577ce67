"""Links, images and active content in a template's HTML and text, with their lines. Pure."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from christmas_tasks.templates import link_problem
from christmas_tasks.variables import LINKS, NAMES

# Rule, sentence, line.
Spot = tuple[str, str, int]

_BLOCK = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_FIRST_VARIABLE = re.compile(r"\{\{[-+]?\(*(\w+)")
_STYLE_URL = re.compile(r"url\(\s*[\"']?\s*((?:http|javascript|vbscript|data):|//)", re.IGNORECASE)
_TEXT_LINK = re.compile(r"http://[^\s<>\"']+|(?:javascript|vbscript):\S+", re.IGNORECASE)
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "background", "poster"})
_ACTIVE = frozenset({"script", "iframe", "form", "input", "object", "embed", "link", "base", "svg"})


def spots(html: str) -> list[Spot]:
    """What in an HTML body is unsafe, stripped by mail programs, or silent for who can't see, in reading order."""
    reader = _Reader()
    reader.feed(_masked(html))
    reader.close()
    unsafe = "A style sheet loads something from an unsafe address: remove it, or write https://."
    reader.spots += [("unsafe-link", unsafe, _line(html, found.start())) for found in _STYLE_URL.finditer(html)]
    return reader.spots


def text_spots(text: str) -> Iterator[Spot]:
    """What in a plain text body is an unsafe link."""
    for found in _TEXT_LINK.finditer(text):
        if problem := _unsafe(found[0]):
            yield "unsafe-link", problem, _line(text, found.start())


def _masked(html: str) -> str:
    """*html* with the places of everything kept, and without what the template language would confuse a parser with."""
    without_blocks = _BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), html)
    return _VALUE.sub(lambda value: re.sub(r"[\"'<>]", "_", value[0]), without_blocks)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _unsafe(address: str) -> str:
    link = "".join(address.split())
    variable = _FIRST_VARIABLE.match(link)
    if variable is not None:
        if variable[1] in LINKS or variable[1] not in NAMES:
            return ""
        return f'A link begins with the variable "{variable[1]}", which is no address: begin it with https://.'
    literal = link.partition("{{")[0]
    if not literal:
        return "A link has no address: write one that begins with https://, or remove the link."
    if literal.lower().startswith("http://") and link_problem(literal):
        return "A link is plain http, which can be read and changed on its way: write https://."
    problem = link_problem(literal)
    return problem and f"{problem[0].upper()}{problem[1:]}"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.spots: list[Spot] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        if tag in _ACTIVE:
            self.spots.append(("active-content", f"Mail programs remove <{tag}>: write it without.", line))
        for name, value in attrs:
            if name.startswith("on"):
                self.spots.append(("active-content", f'Mail programs remove "{name}": write it without.', line))
            if name in _ADDRESSES and not (tag == "img" and (value or "").startswith("cid:")):
                problem = _unsafe(value or "")
                if problem:
                    self.spots.append(("unsafe-link", problem, line))
        if tag == "img" and "alt" not in dict(attrs):
            sentence = 'An image has no alt text: say what it shows, or write alt="" if it only decorates.'
            self.spots.append(("image-alt", sentence, line))
