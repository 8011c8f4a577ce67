"""Which certificates httpx trusts, read once for a process: 50 ms of CPU, half of what a short task needs."""

import os
from functools import cache
from pathlib import Path
from ssl import SSLContext


def trusted() -> SSLContext:
    """What httpx itself would trust, for ``verify=``.

    A fork server reads it ahead for its tasks. A task whose ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` says otherwise, or
    whose certificates have been renewed since, reads its own.
    """
    # As httpx chooses; a list of folders is one place, without a time.
    place = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    return _read(place, _changed_ns(place) if place else 0)


def _changed_ns(place: str) -> int:
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


@cache
def _read(_place: str | None, _changed_ns: int) -> SSLContext:
    import httpx  # noqa: PLC0415 - only tasks with a connection pay

    return httpx.create_ssl_context()
