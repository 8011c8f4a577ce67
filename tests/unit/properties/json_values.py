"""What hypothesis draws from: JSON as anybody may post it, hostile text, instants and zones."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# The same examples in every run: a red build is always the same red build.
steady = settings(
    derandomize=True,
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# For arithmetic, which is cheap to try and has the rarer corners.
thorough = settings(steady, max_examples=60)

FRAGMENTS = (
    "{{ secret('RESEND_API_KEY') }}",
    "{{ 7*7 }}",
    "{% raw %}",
    "{#",
    "</script><img src=x onerror=alert(1)>",
    '"); import os #',
    "\\",
    "\r\nBcc: bob@example.org",
    "\x00",
    "\ud83d",
    "\u2028",
    "\U0001f384",
    "@everyone",
    "'\"&<>",
)

any_text = st.text(alphabet=st.characters(codec=None), max_size=40)
hostile_text = st.lists(st.one_of(st.sampled_from(FRAGMENTS), any_text), max_size=6).map("".join)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), hostile_text, st.integers(-2, 10), st.integers(0, 9).map(str)
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)

instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone

zones = st.sampled_from(
    ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")
)
