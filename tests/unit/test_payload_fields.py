"""The fields of bodies against contract section 3: what each kind takes, and what it is read to."""

import pytest

from christmas_tasks.instants import read_instant
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, PostCall, Signup, parse
from christmas_tasks.text import is_safe_link
from tests.unit.bodies import ANN, ASSESSMENT, NO_SHOW, ONBOARDING, faults


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  ann@example.org\t", "ann@example.org"),
        ("ANN@Example.ORG", "ann@example.org"),
        ("Ann Frost <Ann@example.org>", "ann@example.org"),
        ('"Frost, Ann" <ann@example.org>', "ann@example.org"),
        ("<ann@example.org>", "ann@example.org"),
        ("ann+tag@example.org", "ann+tag@example.org"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("ann\x00@example.org", "ann@example.org"),
        ("ann\ud800@example.org", "ann@example.org"),
        ("\nann@example.org\r\n", "ann@example.org"),
    ],
)
def test_an_address_is_normalised(given: str, address: str) -> None:
    """Trimmed, lower-cased, without display name and unstorable characters."""
    assert parse(Signup, {"email": given}).email == address


@pytest.mark.parametrize(
    "given",
    [
        "ann",
        "ann@",
        "@example.org",
        "ann@example",
        "ann@@example.org",
        "ann@example..org",
        "ann@exam ple.org",
        "ann@example.org, bob@example.org",
        "ann@example.org; bob@example.org",
        "ann@example.org bob@example.org",
        "ann@example.org\nBcc: bob@example.org",
        "Ann <ann@example.org> <bob@example.org>",
        "ann@[127.0.0.1]",
        "mailto:ann@example.org?cc=bob@example.org",
        "{{ secret('RESEND_API_KEY') }}",
    ],
)
def test_what_is_not_one_valid_address_is_refused_without_repeating_it(given: str) -> None:
    """The line names the rule; the text of other people stays out of the logs."""
    (line,) = faults(lambda: parse(Signup, {"email": given}))
    assert line == "email: is not one valid e-mail address"


def test_an_address_longer_than_the_tracker_holds_is_refused() -> None:
    """Notion's email column ends at 200 characters: refused at the door, not in the middle of an enrolment."""
    label = "a" * 60
    fits = f"ann@{'.'.join([label] * 3)}.{'b' * 8}.org"
    assert len(fits) == 199
    assert parse(Signup, {"email": fits}).email == fits
    (line,) = faults(lambda: parse(Signup, {"email": "ab" + fits}))
    assert line == "email: must have at most 200 characters"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("  Ann  ", "Ann"),
        ("A\tn\nn", "A n n"),
        ("An\x00n", "Ann"),
        ("An\ud83dn", "Ann"),
        ("Ann \U0001f384", "Ann \U0001f384"),
        ("{{ 7*7 }} <b>\\\"'", "{{ 7*7 }} <b>\\\"'"),
        ("\x00\x01 ", ""),
        (None, ""),
        ("", ""),
        (7, "7"),
        (2.5, "2.5"),
    ],
)
def test_text_is_made_storable_and_otherwise_left_as_it_is(given: object, stored: str) -> None:
    """Trimmed, one line, without NUL and lone surrogates; nothing is evaluated or escaped at the door."""
    assert parse(Signup, {"email": ANN, "business_name": given}).business_name == stored


@pytest.mark.parametrize("given", [True, False, [], ["Ann"], {}, {"a": 1}])
@pytest.mark.parametrize("field", ["first_name", "last_name", "name", "business_name", "source"])
def test_text_of_a_wrong_type_is_a_line(field: str, given: object) -> None:
    """Wrong types fail with the field's name and the rule."""
    assert faults(lambda: parse(Signup, {"email": ANN, field: given})) == (f"{field}: must be text",)


@pytest.mark.parametrize("field", ["red_systems", "orange_systems", "yellow_systems", "green_systems"])
@pytest.mark.parametrize(
    ("given", "count"),
    [(0, 0), (8, 8), ("0", 0), ("8", 8), (" 3 ", 3), ("03", 3), ("0000000008", 8)],
)
def test_a_count_is_a_whole_number_from_0_to_8(field: str, given: object, count: int) -> None:
    """As a number, or as digits in text."""
    assert getattr(parse(Assessment, {**ASSESSMENT, field: given}), field) == count


@pytest.mark.parametrize("field", ["red_systems", "orange_systems", "yellow_systems", "green_systems"])
@pytest.mark.parametrize(
    "given",
    [-1, 9, 10**30, "9", "-1", "+1", "2.5", "1e0", "0x1", "1_0", "two", "8" * 5000, "\N{SUPERSCRIPT TWO}"],
)
def test_a_number_that_eight_systems_cannot_give_is_refused(field: str, given: object) -> None:
    """Out of range, or digits of another kind."""
    lines = faults(lambda: parse(Assessment, {**ASSESSMENT, field: given}))
    assert lines == (f"{field}: must be a whole number from 0 to 8",)


@pytest.mark.parametrize("field", ["red_systems", "orange_systems", "yellow_systems", "green_systems"])
@pytest.mark.parametrize("given", [2.5, True, False, float("nan"), float("inf"), [], [1], {}])
def test_what_is_no_count_is_refused(field: str, given: object) -> None:
    """Booleans, fractions and other shapes are not counts."""
    lines = faults(lambda: parse(Assessment, {**ASSESSMENT, field: given}))
    assert lines == (f"{field}: must be a whole number from 0 to 8",)


@pytest.mark.parametrize("given", [-1, 100.5, "101", "high", True, [], {}, float("nan"), "NaN", "Infinity", "1e999"])
def test_a_score_outside_its_range_is_refused(given: object) -> None:
    """A line that names the field."""
    (line,) = faults(lambda: parse(Assessment, {**ASSESSMENT, "assessment_score": given}))
    assert line.startswith("assessment_score: must be a number")


@pytest.mark.parametrize(
    ("given", "amount"), [(14700, 14700), ("14700.50", 14700.5), (0, 0), (None, 0), ("", 0), (" ", 0)]
)
def test_the_revenue_leak_is_a_number_and_0_if_absent(given: object, amount: float) -> None:
    """Digits in text are fine."""
    assert parse(Assessment, {**ASSESSMENT, "revenue_leak_total": given}).revenue_leak_total == amount


@pytest.mark.parametrize("given", [-1, "much", True, [], 10**12, float("inf"), "nan"])
def test_a_revenue_leak_that_is_no_amount_is_refused(given: object) -> None:
    """A line that names the field."""
    (line,) = faults(lambda: parse(Assessment, {**ASSESSMENT, "revenue_leak_total": given}))
    assert line.startswith("revenue_leak_total: must be a number")


@pytest.mark.parametrize(("given", "read"), [(None, ()), ("", ()), ([], ()), ("price", ("price",)), ([" "], ())])
def test_objections_may_be_absent_or_one_text(given: object, read: tuple[str, ...]) -> None:
    """A list, or a single one."""
    assert parse(PostCall, {"email": ANN, "objections": given}).objections == read


def test_a_list_with_something_else_than_text_is_refused() -> None:
    """The line names the list."""
    (line,) = faults(lambda: parse(PostCall, {"email": ANN, "objections": ["price", {"a": 1}]}))
    assert line == "objections: must be text"


@pytest.mark.parametrize(
    ("link", "safe"),
    [
        ("https://example.org", True),
        ("https://example.org/a?b=c&d=e#f", True),
        ("HTTPS://example.org/", True),
        ("http://example.org", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("/page", False),
        ("https://", False),
        ("https:///path", False),
        ("https://[::1", False),
        ("https://example.org/ x", False),
        ('https://example.org/"onclick=x', False),
        ("https://example.org/<b>", False),
        ("https://example.org\\@evil", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_a_safe_link_is_one_absolute_https_address(link: str, safe: bool) -> None:
    """Nothing that could leave the attribute it stands in."""
    assert is_safe_link(link) is safe


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://example.org", "portal", 5])
def test_an_unsafe_link_counts_as_absent(link: object) -> None:
    """It decorates: the lead is kept, the link is not."""
    assert parse(Onboarding, {**ONBOARDING, "portal_url": link}).portal_url == ""
    assert parse(NoShow, {**NO_SHOW, "reschedule_url": link}).reschedule_url == ""


@pytest.mark.parametrize("value", [None, 5, True, [], {}, "", "x", "2025-13-01", "2025-11-20T25:00", "9999-99-99"])
def test_what_is_no_time_is_none(value: object) -> None:
    """Never an error."""
    assert read_instant(value) is None
