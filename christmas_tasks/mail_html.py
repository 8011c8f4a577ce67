"""The HTML of a mail, read: its links, and the plain text that it says."""

import re
from html.parser import HTMLParser
from typing import Any


def links(html: str) -> list[str]:
    """Every address that *html* leads to or loads, in order, blanks within taken out; inline images left out."""
    reader = _LinkReader()
    reader.feed(html)
    reader.close()
    return reader.links


def html_to_text(html: str) -> str:
    """A readable plain-text part for a mail that has none: paragraphs, list dashes, links behind their words."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t\r\f\v]+", " ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


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
