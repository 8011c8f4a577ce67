"""Runs one task by its name, and turns its errors into what Kestra understands."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import cast

from christmas_tasks.errors import PermanentError, TransientError
from christmas_tasks.flow_tasks import metrics
from christmas_tasks.flow_tasks.door import Door, Outputs, harmless
from christmas_tasks.flow_tasks.protocol import Level, emit, say

# The module of each task. A task that runs by itself imports its own alone.
TASKS: Mapping[str, str] = {
    "signup": "handlers",
    "assessment": "handlers",
    "no_show": "handlers",
    "post_call": "handlers",
    "onboarding": "handlers",
    "schedule": "emails",
    "prepare": "emails",
    "send": "emails",
    "record": "emails",
    "call_booked": "stops",
    "resend_event": "stops",
    "unsubscribe": "stops",
    "alert": "watch",
    "alert_failure": "watch",
    "check": "watch",
    "reconcile": "watch",
}

_BEHIND_THE_ENGINE = 10

# What later tasks ask for, so that each of them stands still after a fault.
_NOTHING_TO_DO: Outputs = {
    "send": False,
    "record": False,
    "alert": False,
    "unpaid": False,
    "schedule": False,
}


def run(name: str) -> None:
    """Do one task of a flow, and end the process.

    Args:
        name: A name of ``TASKS``.

    Exits with 0, or with 1 after one readable line for each thing that is wrong.
    """
    began = time.monotonic()
    sys.excepthook = _unexpected
    leave_out_httpx_command()
    # Webhooks must be answered while those before them are worked off: where cores are short, the engine goes first.
    os.nice(_BEHIND_THE_ENGINE)
    task: Callable[[Door], Outputs] = getattr(import_module(f"christmas_tasks.flow_tasks.{TASKS[name]}"), name)
    door = Door(os.environ, Path.cwd())
    try:
        outputs = task(door)
    except PermanentError as error:
        for line in error.lines:
            say(Level.ERROR, harmless(line))
        emit({**_NOTHING_TO_DO, "fault": harmless("\n".join(error.lines))})
    except TransientError as error:
        for line in error.lines:
            say(Level.ERROR, harmless(line))
        sys.exit(1)
    else:
        emit({**_NOTHING_TO_DO, "fault": "", **outputs})
    finally:
        metrics.task(name, time.monotonic() - began, ((pace.vendor, pace.turns) for pace in door.paces))


def leave_out_httpx_command() -> None:
    """Mark httpx's own command as absent, before httpx is imported; safe to repeat.

    httpx imports it, with click and rich (60 ms of CPU), wherever they are installed.
    """
    sys.modules.setdefault("httpx._main", cast("ModuleType", None))


def _unexpected(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    # The message of an unforeseen error may quote text of other people: say where, not what.
    frames = traceback.extract_tb(trace)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
    say(Level.ERROR, f"Unexpected {kind.__name__} at {place}. This is a mistake in the library: report this line.")
