"""Every mail shows the unsubscribe link and the postal address, whatever its template forgot."""

import pytest

from christmas_tasks.templates import RenderedMail, with_footer

LINK = "https://www.example.org/unsubscribe?a=1&token=t"
ADDRESS = "Shop & Co: 1 Example Street"


@pytest.mark.parametrize("html", ["<html><body><p>Hi</p></body></html>", "<p>Hi</p>"])
def test_what_a_template_lacks_is_added_once(html: str) -> None:
    """Escaped in the HTML, plain in the text, before the body's end; a second pass changes nothing."""
    mail = with_footer(RenderedMail("S", html, "Hi\n"), LINK, ADDRESS)
    assert mail.html.count("https://www.example.org/unsubscribe?a=1&amp;token=t") == 1
    assert mail.html.count("Shop &amp; Co: 1 Example Street") == 1
    assert mail.html.endswith("</body></html>") is html.endswith("</html>")
    assert mail.text.count(LINK) == mail.text.count("1 Example Street") == 1
    assert with_footer(mail, LINK, ADDRESS) == mail


def test_what_a_template_has_is_left_alone() -> None:
    """A footer of the marketer's own stays as it is."""
    html = f'<body><a href="{LINK}">No more</a> Shop &amp; Co: 1 Example Street</body>'
    mail = RenderedMail("S", html, f"{LINK}\n{ADDRESS}\n")
    assert with_footer(mail, LINK, ADDRESS) == mail
