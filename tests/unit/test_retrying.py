"""What a vendor asks to wait is read once, for all of them."""

import pytest

from christmas_tasks.retrying import retry_after_s


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Other": "3"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_nothing(headers: dict[str, str] | None, seconds: float | None) -> None:
    """A value that nobody can wait for counts as none."""
    assert retry_after_s(headers) == seconds
