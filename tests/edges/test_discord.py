"""The Discord edge on a real stand-in: what arrives, and that trouble there is never the flow's."""

from datetime import UTC, datetime

import pytest

from christmas_sandbox.testing import SandboxHandle
from christmas_tasks import discord
from christmas_tasks.discord import Alert, post

ALERT = Alert(
    headline="Hot lead",
    title="5-Day Nurture",
    at=datetime(2025, 11, 20, 9, tzinfo=UTC),
    text="A text",
    fields={"Email": "ann@example.org", "Red systems": "3"},
)


@pytest.fixture
def url(sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> str:
    """The webhook's address; each call waits for a second at most."""
    monkeypatch.setattr(discord, "_TIMEOUT_S", 0.5)
    monkeypatch.setattr(discord, "_BUDGET_S", 2.0)
    return f"{sandbox.url}/discord/webhooks/1/sandbox-discord-token"


def test_an_alert_arrives_with_mentions_off(sandbox: SandboxHandle, url: str) -> None:
    """Headline, embed, fields, colour and time; nobody is pinged."""
    assert post(url, ALERT)
    (message,) = sandbox.discord()
    assert "Hot lead" in str(message)
    assert "ann@example.org" in str(message)
    assert discord.body(ALERT)["allowed_mentions"] == {"parse": []}


def test_an_alert_of_any_length_is_within_discords_limits(sandbox: SandboxHandle, url: str) -> None:
    """Text of other people may be long and full of markup: the stand-in refuses what Discord refuses."""
    text = "@everyone **[x](https://example.org)** 🎄\n" * 500
    long = Alert(text, text, ALERT.at, text, {f"{number} {text}": text for number in range(40)})
    assert post(url, long)
    assert len(sandbox.discord()) == 1


def test_no_address_is_silence(sandbox: SandboxHandle) -> None:
    assert not post("", ALERT)
    assert sandbox.calls() == []


def test_a_rate_limit_is_waited_for(sandbox: SandboxHandle, url: str) -> None:
    sandbox.add_fault("discord", "status_before", status=429, retry_after=1, times=1)
    assert post(url, ALERT)
    assert len(sandbox.discord()) == 1


@pytest.mark.parametrize("kind", ["status_before", "hang", "disconnect"])
def test_lasting_trouble_is_told_and_harms_nothing(sandbox: SandboxHandle, url: str, kind: str) -> None:
    """No exception: the flow goes on."""
    sandbox.add_fault("discord", kind)
    assert not post(url, ALERT)
    sandbox.clear_faults()


@pytest.mark.parametrize("address", ["http://[", "nonsense", "http://127.0.0.1:9/webhook"])
def test_an_address_that_leads_nowhere_harms_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing mistake in a setting is no reason for a failed flow."""
    monkeypatch.setattr(discord, "_BUDGET_S", 0.5)
    assert not post(address, ALERT)


@pytest.mark.parametrize("status", [401, 404])
def test_a_webhook_that_is_gone_is_given_up_at_once(sandbox: SandboxHandle, url: str, status: int) -> None:
    """A wrong address is not asked again and again."""
    sandbox.add_fault("discord", "status_before", status=status)
    assert not post(url, ALERT)
    assert len(sandbox.calls()) == 1
