"""What goes wrong in a storm, and when: drawn from one seed, so that a run can be repeated."""

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any


class Victim(StrEnum):
    """Who is struck."""

    ENGINE = "engine"
    WORKER = "worker"
    TASK = "task"
    FORKED = "forked task"
    FORK_SERVER = "fork server"
    RESTART = "restart"
    DISK = "disk"


KILLS = frozenset({Victim.ENGINE, Victim.WORKER, Victim.DISK})


class Moment(StrEnum):
    """In the middle of what."""

    ANY = "any"
    ENROLMENT = "enrolment"
    SENDING = "sending"
    RECORDING = "recording"
    STOPPING = "stopping"
    RECONCILE = "reconcile"


# The vendor call that is held open, so that the moment lasts until the strike.
HELD_CALLS: dict[Moment, dict[str, str]] = {
    Moment.ENROLMENT: {"vendor": "notion", "method": "POST", "path": "/v1/pages"},
    Moment.SENDING: {"vendor": "resend", "method": "POST", "path": "/emails"},
    Moment.RECORDING: {"vendor": "notion", "method": "PATCH", "path": "/v1/pages/*", "match": "Resend ID"},
    Moment.STOPPING: {"vendor": "notion", "method": "PATCH", "path": "/v1/pages/*", "match": "stopped"},
    Moment.RECONCILE: {
        "vendor": "notion",
        "method": "POST",
        "path": "/v1/data_sources/*/query",
        "match": "Sequence Status",
    },
}


@dataclass(frozen=True)
class Strike:
    """One blow against the product's own processes.

    Args:
        victim: ``disk``: the disk is full for *down_s*, then the operator ends the engine and starts it anew.
        moment: In the middle of what; the strike waits for it.
        after_calls: How many vendor calls come before it, so that a slow machine is struck in the middle of work too.
        down_s: How long until somebody starts it again.
    """

    victim: Victim
    moment: Moment
    after_calls: int
    down_s: float


@dataclass(frozen=True)
class Trouble:
    """One vendor in trouble for a while.

    Args:
        vendor: Which.
        name: For the figures.
        fault: As the sandbox takes it; empty: the documented rate limit is on.
        wait_s: Quiet seconds before.
        for_s: How long it lasts, unless it has hit as often as it should.
    """

    vendor: str
    name: str
    wait_s: float
    for_s: float
    fault: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chaos:
    """The strikes, and the troubles of each vendor: each lane runs by itself."""

    strikes: tuple[Strike, ...]
    troubles: tuple[Trouble, ...]


FAULT_KINDS = (
    "status_before",
    "disconnect",
    "delay",
    "hang",
    "status_after",
    "lost_answer",
    "empty_body",
    "html_body",
)
_PLACES = {
    "notion": (
        {"method": "POST", "path": "/v1/pages"},
        {"method": "PATCH", "path": "/v1/pages/*"},
        {"method": "GET", "path": "/v1/pages/*"},
        {"path": "/v1/data_sources/*/query"},
    ),
    "resend": ({"method": "POST", "path": "/emails"},),
    "discord": ({},),
}
_MOMENTS = (Moment.ENROLMENT, Moment.SENDING, Moment.RECORDING, Moment.STOPPING, Moment.RECONCILE, Moment.ANY)


def draw(seed: int, kills: int, calls_between: int) -> Chaos:
    """A storm with *kills* kills and enough trouble at the vendors to last about as long.

    Args:
        seed: The same one gives the same storm.
        kills: At least 3: the engine, a worker and a full disk are always among them.
        calls_between: The mean number of vendor calls between two strikes.
    """
    random = Random(f"{seed}/chaos")  # noqa: S311 - no secret
    victims = [Victim.ENGINE, Victim.WORKER, Victim.DISK]
    victims += random.choices((Victim.ENGINE, Victim.WORKER, Victim.DISK), (5, 8, 1), k=kills - 3)
    victims += [Victim.RESTART] * (kills // 8)
    victims += [Victim.TASK, Victim.FORKED, Victim.FORK_SERVER] * max(1, kills // 12)
    random.shuffle(victims)
    moments = [_MOMENTS[number % len(_MOMENTS)] for number in range(len(victims))]
    random.shuffle(moments)
    strikes = tuple(
        Strike(victim, moment, random.randint(calls_between // 3, calls_between * 5 // 3), random.uniform(0.2, 2.5))
        for victim, moment in zip(victims, moments, strict=True)
    )
    return Chaos(strikes, tuple(_troubles(random, max(1, kills // 3))))


def _troubles(random: Random, rounds: int) -> list[Trouble]:
    found: list[Trouble] = []
    for vendor in _PLACES:
        for _ in range(rounds):
            # Each kind of a vendor once in each round; beside them its documented limit, and 429 with Retry-After.
            kinds = [*FAULT_KINDS, "limit", "429"]
            random.shuffle(kinds)
            found.extend(_trouble(random, vendor, kind) for kind in kinds)
    return found


def _trouble(random: Random, vendor: str, kind: str) -> Trouble:
    wait_s, for_s = random.uniform(0.1, 2.0), random.uniform(4.0, 12.0)
    name = f"{vendor} {kind}"
    if kind == "limit":
        return Trouble(vendor, name, wait_s, for_s)
    # Some calls come through in between, however slow the machine is.
    fault: dict[str, Any] = {
        "vendor": vendor,
        "kind": kind,
        "skip": 0 if vendor == "discord" else random.randint(1, 8),
        **random.choice(_PLACES[vendor]),
    }
    if kind == "429":
        fault |= {"kind": "status_before", "status": 429, "retry_after": random.choice((1, 2)), "times": 5}
    elif kind in {"status_before", "status_after"}:
        body = random.choice(("json", "empty", "html"))
        fault |= {"status": random.choice((500, 502, 503, 529)), "times": random.randint(1, 3), "body": body}
    elif kind == "delay":
        fault |= {"seconds": random.choice((0.3, 1.0, 2.0)), "times": random.randint(4, 8)}
    else:
        fault |= {"times": random.randint(1, 2)}
    return Trouble(vendor, name, wait_s, for_s, fault)
