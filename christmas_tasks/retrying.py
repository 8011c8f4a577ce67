"""One way to repeat a vendor call: back-off with jitter, Retry-After obeyed, all within one time budget."""

import math
import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from christmas_tasks.errors import TransientError

T = TypeVar("T")

# Shorter than the flows' task timeout, so that a task ends by its own readable error and not by being killed.
BUDGET_S = 60.0
_LONGEST_WAIT_S = 15.0
_JITTER_S = 0.5


def retry_after_s(headers: Mapping[str, str] | None) -> float | None:
    """The seconds that a vendor asks to wait, from its answer's ``Retry-After``; None if there are none to read."""
    text = next((value for name, value in (headers or {}).items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(text)
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def retrying(call: Callable[[], T], *, budget_s: float = BUDGET_S) -> T:
    """Call until it succeeds, fails for good, or the budget is spent.

    Args:
        call: Raises ``TransientError`` where a repeat may help; must be safe to repeat.
        budget_s: Seconds within which tries begin. A wait that a vendor asks for is not begun if it would pass them;
            our own last wait may end up to 15 s behind them, and the last try later by what it takes.

    Raises:
        ChristmasError: What the last try raised.
    """
    ends_at = time.monotonic() + budget_s
    try:
        return call()
    except TransientError as error:
        first: TransientError | None = error
    import stamina  # noqa: PLC0415 - 45 ms of CPU that only trouble pays

    def wait_s(error: Exception) -> bool | float:
        if not isinstance(error, TransientError):
            return False
        if error.retry_after_s is None:
            return time.monotonic() < ends_at
        # All tasks that met the same limit would come back at the same instant without the jitter.
        wait = error.retry_after_s + random.uniform(0, _JITTER_S)  # noqa: S311 - no secret
        return wait if time.monotonic() + wait < ends_at else False

    for attempt in stamina.retry_context(
        on=wait_s, attempts=None, timeout=budget_s, wait_initial=0.3, wait_max=_LONGEST_WAIT_S, wait_jitter=_JITTER_S
    ):
        with attempt:
            if first is not None:
                # The try above counts as stamina's first, so that the waiting starts from it.
                failed, first = first, None
                raise failed
            return call()
    raise AssertionError("stamina ends by a result or an error")
