"""Every error of the library, and the one question a caller has: does a repeat help?

    ChristmasError
    |-- PermanentError            a repeat of the same input fails again: repair, then restart or replay
    |   |-- PayloadError          the webhook's body is not usable; one line for each field
    |   |-- SignatureError        the webhook's signature is missing, wrong or old
    |   |-- SettingsError         a setting is missing or unreadable; one line for each
    |   |-- TemplateFault         an email template can't be used
    |   |-- MailRefused           Resend refuses this very email for good
    |   |-- SetupRefused          a vendor refuses us: key, access, a missing database or column
    |   `-- NotPlanned            the email was never planned
    `-- TransientError            a repeat later may succeed
        |-- VendorUnavailable     no answer, a 5xx, or a rate limit
        `-- OutcomeUnknown        the request may or may not have been carried out

Messages are for people: what went wrong, whose record, what to do. They never hold secrets, nor text of other people.
"""

from collections.abc import Sequence as Lines
from typing import ClassVar


class ChristmasError(Exception):
    """Base of all errors that the library raises on purpose."""

    permanent: ClassVar[bool]

    @property
    def lines(self) -> tuple[str, ...]:
        """The message as lines for a log: at least one."""
        return (str(self),)


class PermanentError(ChristmasError):
    """The same input fails again; a person repairs something first."""

    permanent = True


class TransientError(ChristmasError):
    """The same call may succeed later.

    Args:
        message: What went wrong, for people.
        retry_after_s: Seconds that the vendor asks to wait, if it said so.
    """

    permanent = False

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class _LinesError(PermanentError):
    def __init__(self, lines: Lines[str]) -> None:
        super().__init__("; ".join(lines))
        self._lines = tuple(lines)

    @property
    def lines(self) -> tuple[str, ...]:
        return self._lines


class PayloadError(_LinesError):
    """The body is no JSON object or has fields at fault; ``lines`` names each one."""


class SettingsError(_LinesError):
    """Settings are missing or unreadable; ``lines`` names each one, never its value."""


class SignatureError(PermanentError):
    """The sender's signature is missing, wrong, or too old."""


class TemplateFault(PermanentError):
    """An email template can't be used as it is.

    Args:
        template: Its ``Template Name`` in Notion.
        problem: What is wrong and what to do, without the template's own name.
    """

    def __init__(self, template: str, problem: str) -> None:
        super().__init__(f'Template "{template}": {problem}')
        self.template = template
        self.problem = problem


class MailRefused(PermanentError):
    """Resend has refused this email for good, and has not accepted it."""


class SetupRefused(PermanentError):
    """A vendor refuses the set-up: key, access, database, column, domain."""


class NotPlanned(PermanentError):
    """The email asked for is not part of what was planned."""


class VendorUnavailable(TransientError):
    """A vendor gave no usable answer within the time budget."""


class OutcomeUnknown(TransientError):
    """A send got no usable answer: the email may have been accepted. Repeat with the same key only."""
