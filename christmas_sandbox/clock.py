"""The sandbox's idea of now, which tests can shift. The shift outlives a restart."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from christmas_sandbox.store import Store


class Clock:
    """Now in milliseconds since 1970 (UTC), plus a shift that is kept on disk.

    Args:
        store: Keeps the shift.
        now_seconds: The unshifted time; injectable for tests.
    """

    def __init__(self, store: Store, now_seconds: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now_seconds = now_seconds

    @property
    def offset_seconds(self) -> float:
        """How far the sandbox is ahead of the machine; negative is behind."""
        return float(self._store.setting("clock_offset_seconds", 0.0))

    def shift_to(self, offset_seconds: float) -> None:
        """Set the shift; replaces an earlier one, so a repeat is safe."""
        self._store.set_setting("clock_offset_seconds", offset_seconds)

    def now_ms(self) -> int:
        """Give now in whole milliseconds."""
        return int((self._now_seconds() + self.offset_seconds) * 1000)


def iso_ms(at_ms: int) -> str:
    """Write an instant as `2026-12-01T09:00:00.000Z`."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def iso_minute(at_ms: int) -> str:
    """Write an instant as Notion does for `created_time`: cut to the minute."""
    return iso_ms(at_ms - at_ms % 60_000)
