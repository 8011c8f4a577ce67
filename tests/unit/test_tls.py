"""Certificates are read once, unless a task's settings name others."""

from pathlib import Path

import certifi
import pytest

from christmas_tasks.tls import trusted


def test_certificates_are_read_once() -> None:
    """Each client of a task, and each task of a fork server, takes the same."""
    assert trusted() is trusted()
    assert len(trusted().get_ca_certs()) > 1


def test_a_task_with_certificates_of_its_own_trusts_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy, say: what was read ahead without its settings doesn't count."""
    common = trusted()
    end = "-----END CERTIFICATE-----\n"
    one = tmp_path / "one.pem"
    one.write_text(Path(certifi.where()).read_text("utf-8").partition(end)[0] + end, "utf-8")
    with monkeypatch.context() as settings:
        settings.setenv("SSL_CERT_FILE", str(one))
        settings.delenv("SSL_CERT_DIR", raising=False)
        assert len(trusted().get_ca_certs()) == 1
    assert trusted() is common
