"""The hierarchy of errors: each answers whether a repeat helps, and speaks in lines."""

import inspect

import pytest

from christmas_tasks import errors
from christmas_tasks.errors import (
    ChristmasError,
    MailRefused,
    NotPlanned,
    OutcomeUnknown,
    PayloadError,
    PermanentError,
    SettingsError,
    SetupRefused,
    SignatureError,
    TemplateFault,
    TransientError,
    VendorUnavailable,
)


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (PayloadError(["email: is missing"]), True),
        (SettingsError(["NOTION_TOKEN is not set"]), True),
        (SignatureError("wrong"), True),
        (TemplateFault("5-Day E2", "its Subject Line is empty."), True),
        (MailRefused("refused"), True),
        (SetupRefused("refused"), True),
        (NotPlanned("never planned"), True),
        (VendorUnavailable("no answer"), False),
        (OutcomeUnknown("no answer"), False),
    ],
)
def test_each_error_says_whether_a_repeat_helps(error: ChristmasError, permanent: bool) -> None:
    """By its kind and by its flag, which agree."""
    assert error.permanent is permanent
    assert isinstance(error, PermanentError if permanent else TransientError)
    assert error.lines


def test_errors_with_many_faults_have_a_line_for_each() -> None:
    """And one message for everybody else."""
    error = PayloadError(["email: is missing", "red_systems: is missing"])
    assert error.lines == ("email: is missing", "red_systems: is missing")
    assert str(error) == "email: is missing; red_systems: is missing"
    assert MailRefused("no").lines == ("no",)


def test_a_template_fault_names_its_template() -> None:
    """Both apart and in one sentence."""
    fault = TemplateFault("5-Day E2", "its Subject Line is empty.")
    assert (fault.template, fault.problem) == ("5-Day E2", "its Subject Line is empty.")
    assert str(fault) == 'Template "5-Day E2": its Subject Line is empty.'


@pytest.mark.parametrize("kind", [VendorUnavailable, OutcomeUnknown])
def test_a_transient_error_carries_the_vendors_wait(kind: type[TransientError]) -> None:
    """``Retry-After`` in seconds, if the vendor gave one."""
    assert kind("slow down", retry_after_s=2.5).retry_after_s == 2.5
    assert kind("slow down").retry_after_s is None


def test_the_drawing_at_the_top_shows_every_error() -> None:
    """Whoever adds one draws it."""
    drawn = errors.__doc__ or ""
    kinds = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ChristmasError)}
    assert {name for name in kinds if not name.startswith("_") and name not in drawn} == set()
