"""Questions to a page that a person would answer by looking: what is too wide, too faint, or has no name."""

from playwright.sync_api import Page

# The ratio of WCAG 2 between a text's colour and what is painted behind it; large text may be fainter.
_FAINT = """() => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => {
    const part = (value) => {
      const share = value / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.a === 1) return colour;
      if (colour.a > 0) return null;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest(".visually-hidden, noscript, option")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const [high, low] = ground ? [light(parse(style.color)), light(ground)].sort((a, b) => b - a) : [0, 1];
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${node.data.trim().slice(0, 40)} (${ratio.toFixed(2)})`);
  }
  return faint;
}"""

_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility() && box.width > 0 && box.right > width + 1 && !element.closest("iframe");
  });
  const told = wide.map((element) => `${element.tagName}.${element.className}`);
  return document.documentElement.scrollWidth > width ? ["the page itself", ...told] : told;
}"""

_UNNAMED = """() => {
  const bad = [];
  const seen = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (seen.has(element.id)) bad.push(`two elements with the id ${element.id}`);
    seen.add(element.id);
  }
  const named = "a, button, input, select, textarea, iframe, img, nav, section, fieldset, table";
  for (const element of document.querySelectorAll(named)) {
    const of = (id) => document.getElementById(id)?.textContent.trim();
    const name = element.getAttribute("aria-label") || of(element.getAttribute("aria-labelledby"))
      || element.getAttribute("title") || (element.tagName === "IMG" && element.hasAttribute("alt") ? "decorative" : "")
      || [...(element.labels ?? [])].map((label) => label.textContent.trim()).join("")
      || element.querySelector(":scope > legend, :scope > caption")?.textContent.trim()
      || (["A", "BUTTON"].includes(element.tagName) && element.textContent.trim());
    if (!name && !element.hidden) bad.push(`${element.outerHTML.slice(0, 90)} has no name`);
  }
  for (const element of document.querySelectorAll("[tabindex]")) {
    if (element.tabIndex > 0) bad.push("an order of its own for the Tab key");
  }
  if (document.querySelectorAll("h1").length !== 1) bad.push("not one h1");
  if (document.querySelectorAll("main, [role=main]").length !== 1) bad.push("not one main");
  const live = document.querySelectorAll("[aria-live], [role=status], [role=alert], [role=log]");
  if (live.length > 1) bad.push("more than one live region");
  if (!document.documentElement.lang || !document.title) bad.push("no language or no title");
  return bad;
}"""


def too_wide(page: Page) -> list[str]:
    """Everything that reaches past the right edge of the window."""
    found: list[str] = page.evaluate(_WIDE)
    return found


def too_faint(page: Page) -> list[str]:
    """All visible text with less contrast than WCAG 2 AA asks for."""
    found: list[str] = page.evaluate(_FAINT)
    return found


def nameless(page: Page) -> list[str]:
    """Controls and landmarks without a name, double ids, and what else keeps people with a screen reader out."""
    found: list[str] = page.evaluate(_UNNAMED)
    return found
