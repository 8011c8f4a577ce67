"""Which certificates httpx trusts, read once for a process: 50 ms of CPU, half of what a short task needs."""

import os
from functools import cache
from pathlib import Path
from ssl import SSLContext


def trusted() -> SSLContext:
    """What httpx itself would trust, for ``verify=``.

    A fork server reads it ahead for its tasks. A task whose ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` says otherwise, or
    whose certificates have been renewed since, reads its own.

    Raises:
        OSError: What the settings name isn't there.
    """
    places = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return _read(tuple((place, Path(place).stat().st_mtime_ns) if place else None for place in places))


@cache
def _read(_places: tuple[tuple[str, int] | None, ...]) -> SSLContext:
    import httpx  # noqa: PLC0415 - only tasks with a connection pay

    return httpx.create_ssl_context()
