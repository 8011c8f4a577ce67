"""Certificates are read once, unless a task's settings name others."""

import os
import time
from pathlib import Path

import certifi
import pytest

from christmas_tasks.tls import trusted


def test_certificates_are_read_once() -> None:
    """Each client of a task, and each task of a fork server, takes the same."""
    assert trusted() is trusted()


def test_a_task_with_certificates_of_its_own_trusts_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy, say: what was read ahead without its settings doesn't count, nor what has been renewed."""
    end = "-----END CERTIFICATE-----\n"
    first, second, *_ = (f"{one}{end}" for one in Path(certifi.where()).read_text("utf-8").split(end))
    common, own = trusted(), tmp_path / "own.pem"
    with monkeypatch.context() as settings:
        settings.setenv("SSL_CERT_FILE", str(own))
        settings.delenv("SSL_CERT_DIR", raising=False)
        own.write_text(first, "utf-8")
        assert len(trusted().get_ca_certs()) == 1
        own.write_text(first + second, "utf-8")
        os.utime(own, (time.time() + 60, time.time() + 60))
        assert len(trusted().get_ca_certs()) == 2
    assert trusted() is common


def test_places_that_httpx_takes_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of folders; and a folder that isn't there beside a file that is."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}:/etc/ssl/certs")
    assert trusted() is trusted()
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "missing"))
    assert trusted().get_ca_certs()
