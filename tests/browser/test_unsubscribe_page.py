"""The unsubscribe page in a real browser: one press, one post, and an answer that people can read."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request, Route, expect

from christmas_tasks.local.stack import UNSUBSCRIBE_PAGE
from christmas_tasks.unsubscribe import page as with_address

PAGE_URL = "https://www.example.org/unsubscribe?token=abc.def"
PUBLIC_URL = "https://flows.example.org"


@dataclass
class Site:
    """The website that hosts the page, and the webhook behind it.

    Args:
        status: What the webhook answers.
        posts: What has been posted to it.
    """

    status: int = 200
    posts: list[Request] = field(default_factory=list)

    def serve(self, route: Route) -> None:
        """Answer one request of the browser."""
        if not route.request.url.startswith(PUBLIC_URL):
            html = with_address(Path(UNSUBSCRIBE_PAGE).read_text("utf-8"), PUBLIC_URL)
            route.fulfill(content_type="text/html", body=html)
            return
        self.posts.append(route.request)
        body = '{"answer": "You are <b>unsubscribed</b>."}' if self.status == 200 else "{}"
        allowed = {"access-control-allow-origin": "https://www.example.org"}
        route.fulfill(status=self.status, content_type="text/plain", body=body, headers=allowed)


def test_a_press_posts_the_token_once_and_shows_the_answer_as_text(browser: Browser) -> None:
    """Nothing is posted before the press; the person stays on the page."""
    site = Site()
    with browser.new_context() as context:
        context.route("**/*", site.serve)
        page = context.new_page()
        page.goto(PAGE_URL)
        assert site.posts == []
        page.get_by_role("button", name="Unsubscribe").click()
        expect(page.get_by_role("status")).to_have_text("You are <b>unsubscribed</b>.")
        assert page.url == PAGE_URL
    assert [post.post_data for post in site.posts] == ["List-Unsubscribe=One-Click&token=abc.def"]


@pytest.mark.parametrize("with_script", [True, False])
def test_without_a_readable_answer_or_script_the_form_posts_itself(browser: Browser, with_script: bool) -> None:
    """The token then comes in the form, or as the page's own address in the referrer."""
    site = Site(status=500)
    with browser.new_context(java_script_enabled=with_script) as context:
        context.route("**/*", site.serve)
        page = context.new_page()
        page.goto(PAGE_URL)
        page.get_by_role("button", name="Unsubscribe").click()
        page.wait_for_url(f"{PUBLIC_URL}/**")
        last = site.posts[-1]
        assert last.is_navigation_request()
        assert "token=abc.def" in f"{last.post_data} {last.headers.get('referer')}"
