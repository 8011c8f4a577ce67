"""The console page in a real Chromium, with the real engine behind it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from christmas_sandbox.testing import running_sandbox
from tests.browser.looks import nameless, too_faint, too_wide
from tests.integration.world import CALENDLY, World

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
HOSTILE_MAIL = (
    f"<html><head></head><body><h1>Kept</h1>{HOSTILE}<script>top.document.title='owned'</script></body></html>"
)
VIEWS = ("leads", "inbox", "executions", "calls", "alerts")


def open_view(page: Page, where: str) -> None:
    """Load the page on a view, and wait until it has its data."""
    view = where.partition("/")[0]
    with page.expect_response(lambda answer: f"/_page/data/{view}" in answer.url and answer.status == 200):
        page.goto(f"/#/{where}")
    expect(page.locator("main:not([aria-busy])")).to_be_visible()


def mail(world: World, **given: object) -> str:
    """Hand a mail to the stand-in of Resend, and give its id."""
    body = {"from": "shop@example.org", "to": "guest@example.org", "subject": "Hello", "text": "Hello", **given}
    return str(hand_over(world, body).json()["id"])


def hand_over(world: World, body: Mapping[str, object]) -> httpx.Response:
    """Post to the stand-in of Resend as its SDK does."""
    headers = {"Authorization": f"Bearer {world.stack.setting('RESEND_API_KEY')}"}
    return httpx.post(f"{world.stack.sandbox_url}/emails", json=body, headers=headers, trust_env=False)


ANNA = "anna@example.org"


@pytest.fixture(scope="module", autouse=True)
def refused(world: World) -> str:
    """What has come before anybody looks: a lead, and a body that was refused, whose execution is given."""
    world.post("assessment-handler", assessment(ANNA, first_name="Anna", business_name="Salon Anna"))
    return world.post("assessment-handler", {"email": "not an address", "red_systems": True})


def assessment(address: str, **more: object) -> dict[str, object]:
    """What the website posts about a CRITICAL lead."""
    sent_at = datetime.now(UTC).isoformat()
    return {"email": address, "red_systems": 3, "orange_systems": 2, "email_1_sent_at": sent_at, **more}


@contextmanager
def broken_template(world: World, name: str) -> Iterator[None]:
    """A template that nobody may use, mended at the end."""
    template = world.template(name)
    world.edit(template["id"], {"Status": {"select": {"name": "Draft"}}})
    world.forget_templates()
    yield
    world.edit(template["id"], {"Status": {"select": {"name": "Active"}}})
    world.forget_templates()


def test_a_lead_shows_up_without_a_reload_and_its_mail_opens(page: Page, world: World) -> None:
    """From the webhook to the read mail, while the page was never loaded again."""
    open_view(page, "leads")
    page.evaluate("window.neverReloaded = true")
    world.post("assessment-handler", assessment("lena@example.org", first_name="Lena", business_name="Lena & Co <b>"))

    page.get_by_role("link", name="lena@example.org").click()
    heading = page.get_by_role("heading", name="Lena", level=2)
    expect(heading).to_be_focused()
    timeline = page.get_by_role("region", name="5-Day Nurture")
    expect(timeline.get_by_role("listitem").filter(has_text="Email 1")).to_contain_text("by the website")
    second = timeline.get_by_role("listitem").filter(has_text="Email 2")
    expect(second.locator(".chip")).to_have_text(re.compile("sent"))

    page.get_by_role("link", name="Read email 2").click()
    expect(page.frame_locator("iframe").get_by_text("Lena & Co <b>").first).to_be_visible()
    page.get_by_role("tab", name="Text").click()
    expect(page.get_by_label("The mail as text")).to_contain_text("Lena & Co <b>")
    page.get_by_role("tab", name="Headers").click()
    expect(page.get_by_role("tabpanel", name="Headers")).to_contain_text("List-Unsubscribe")
    assert page.evaluate("window.neverReloaded")


def test_a_failed_execution_is_replayed_and_its_row_turns_to_sent(page: Page, world: World) -> None:
    """The fault is told, the replay after the repair sends, and the page says so by itself."""
    address = "nora@example.org"
    with broken_template(world, "noshow_recovery_email_1"):
        world.post(
            "noshow-recovery-handler", {"email": address, "first_name": "Nora", "calendly_event_id": "N1"}, key=CALENDLY
        )
        open_view(page, "executions")
        page.get_by_text("Open failures").click()
        row = page.locator(".items li").filter(has_text="No-Show Recovery, email 1").filter(has_text=address)
        expect(row).to_contain_text('Template "noshow_recovery_email_1"')
        expect(row.locator(".outcome")).to_contain_text("failed")
    page.get_by_text("All", exact=True).click()
    row.get_by_role("button", name=f"Replay No-Show Recovery, email 1 for {address}").click()

    expect(page.get_by_role("status")).to_contain_text("replay has started")
    expect(row).to_have_count(2)
    expect(row.first.locator(".outcome")).to_contain_text("sent")
    expect(row.last).to_contain_text("mended")
    page.goto(f"/#/leads/{address}")
    first = page.get_by_role("region", name="No-Show Recovery").get_by_role("listitem").filter(has_text="Email 1")
    expect(first.locator(".chip")).to_have_text(re.compile("sent"))
    assert world.numbers(address).count(1) == 1


def test_an_opened_execution_tells_its_tasks_and_its_log(page: Page, refused: str) -> None:
    """A refused body: each fault of it is readable, and a replay from the page opens the new execution."""
    open_view(page, f"executions/{refused}")
    details = page.get_by_role("region", name="Details")
    expect(details).to_contain_text("red_systems: must be a whole number")
    expect(details.get_by_role("region", name="Tasks")).to_contain_text("enrol")
    expect(details.get_by_role("region", name="Log")).to_contain_text("orange_systems: is missing")
    details.get_by_role("button", name="Replay from task enrol").click()
    expect(page).to_have_url(re.compile(r"#/executions/(?!" + refused + ")"))
    expect(details.get_by_role("link", name=refused)).to_be_visible()


def test_a_fault_is_switched_on_and_off_from_the_page(page: Page, world: World) -> None:
    """The switch acts on the next call, the log shows the call and its fault, and the header says what is on."""
    open_view(page, "calls")
    switch = page.get_by_role("switch", name="Resend is down")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_be_checked()
    expect(page.get_by_role("link", name="1 fault on")).to_be_visible()
    body = {"from": "shop@example.org", "to": "guest@example.org", "subject": "Down", "text": "Hello"}
    assert hand_over(world, body).status_code == 500
    call = page.get_by_role("row").filter(has_text="POST /emails").filter(has_text="status_before")
    expect(call.first).to_contain_text("500")
    # Mails of other tests may be on their way too.
    expect(switch).to_contain_text(re.compile(r"hit \d+ call"))
    expect(switch).to_be_focused()
    page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    assert hand_over(world, body).status_code == 200


def test_a_fault_of_ones_own_can_be_set_up(page: Page, world: World) -> None:
    """The form takes what the control surface takes, and says why when it refuses."""
    open_view(page, "calls")
    page.get_by_text("A fault of your own").click()
    page.get_by_label("What goes wrong").select_option("status_after")
    page.get_by_label("Text in the body").fill("only@example.org")
    page.get_by_label("Status", exact=True).fill("502")
    page.get_by_role("button", name="Switch on").click()
    off = page.get_by_role("button", name="Switch off resend")
    expect(off).to_be_visible()
    assert [(fault["match"], fault["status"]) for fault in world.sandbox.state()["faults"]] == [
        ("only@example.org", 502)
    ]
    off.click()
    expect(off).to_have_count(0)
    assert world.sandbox.state()["faults"] == []


def test_hostile_text_shows_as_text(page: Page, world: World, complaints: list[str]) -> None:
    """Names, subjects and a mail's own scripts: shown as written, run nowhere."""
    world.hand_in("signup-handler", {"email": "evil@example.org", "first_name": HOSTILE})
    mail_id = mail(world, to="evil@example.org", subject=HOSTILE, html=HOSTILE_MAIL, text=HOSTILE)
    open_view(page, "leads/evil@example.org")
    expect(page.locator(".items a[aria-current] strong")).to_have_text(HOSTILE)
    expect(page.locator(".detail h2")).to_have_text(HOSTILE)
    page.goto(f"/#/inbox/{mail_id}")
    expect(page.locator(".items a[aria-current] strong")).to_have_text(HOSTILE)
    expect(page.frame_locator("iframe").get_by_role("heading", name="Kept")).to_be_visible()
    page.get_by_role("tab", name="Text").click()
    expect(page.get_by_label("The mail as text")).to_have_text(HOSTILE)
    assert page.title() == "Inbox, Sandbox console"
    assert page.locator("main img, main script").count() == 0
    # The frame's refusals are what keeps the mail quiet: there are some, and there is nothing else.
    assert complaints
    assert all("sandboxed" in told or "Content Security Policy" in told for told in complaints), complaints
    complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_view_fits_and_can_be_read(browser: Browser, world: World, refused: str, scheme: str, width: int) -> None:
    """On a phone and on a desk, in the light and in the dark: nothing is too wide, too faint or without a name."""
    mail_id = mail(world, to=f"{'long' * 12}@example.org", subject="Unbroken" * 20)
    context = browser.new_context(
        base_url=world.stack.sandbox_url,
        viewport={"width": width, "height": 740},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    for where in (*VIEWS, f"leads/{ANNA}", f"inbox/{mail_id}", f"executions/{refused}"):
        open_view(page, where)
        assert (where, too_wide(page), too_faint(page), nameless(page)) == (where, [], [], [])
    context.close()


def test_the_keyboard_alone_is_enough(page: Page, world: World) -> None:
    """Skip link, views, list, mail, its parts, and back: each with the keys that one would try."""
    mail(world, subject="First")
    mail_id = mail(world, subject="Second")
    open_view(page, "leads")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Inbox")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Inbox")).to_be_focused()
    page.keyboard.press("Tab")
    newest = page.locator(f"a[href='#/inbox/{mail_id}']")
    expect(newest).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Second", level=2)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("tab", name="HTML")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Text")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Text")).to_be_visible()
    page.keyboard.press("Escape")
    expect(newest).to_be_focused()
    expect(page).to_have_url(re.compile("#/inbox$"))


def test_an_idle_page_costs_little_and_a_hidden_one_nothing(page: Page, tmp_path: Path) -> None:
    """One question at a time, answered without a body; none while nobody looks."""
    with running_sandbox(tmp_path) as sandbox:
        page.goto(f"{sandbox.url}/#/inbox")
        _look_at_an_idle_page(page)
        page.close()


def _look_at_an_idle_page(page: Page) -> None:
    with page.expect_response(lambda answer: answer.status == 304):
        pass
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("request", note)
    with page.expect_response(lambda answer: answer.status == 304) as first:
        pass
    assert first.value.header_value("content-length") in {None, "0"}
    assert len(asked) == 1
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    asked.clear()
    page.wait_for_timeout(1500)  # The only way to see that nothing happens is to wait for longer than it would take.
    assert asked == []


def test_kestras_login_never_reaches_the_browser(page: Page, world: World) -> None:
    """Whatever the page is told, the password is not in it."""
    told: list[str] = []
    page.on("response", lambda answer: told.append(answer.url))
    for view in VIEWS:
        open_view(page, view)
    assert any("/_page/data/executions" in url for url in told)
    for url in dict.fromkeys(told):
        answer = httpx.get(url, trust_env=False)
        assert world.stack.engine.password not in answer.text + str(answer.headers)
