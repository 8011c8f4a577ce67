"""Which certificates httpx trusts, read once for a process: 50 ms of CPU, half of what a short task needs."""

import os
from functools import cache
from ssl import SSLContext


def trusted() -> SSLContext:
    """What httpx itself would trust, for ``verify=``.

    A fork server reads it ahead for its tasks. A task whose ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` says otherwise reads
    its own.
    """
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _read(_cert_file: str | None, _cert_dir: str | None) -> SSLContext:
    import httpx  # noqa: PLC0415 - only tasks with a connection pay

    return httpx.create_ssl_context()
