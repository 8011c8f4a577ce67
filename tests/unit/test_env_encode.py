"""``christmas-tasks env encode`` and ``env check``: what an operator writes, what Kestra reads, what is refused."""

import base64
import re
import stat
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from christmas_tasks.cli.env import env
from christmas_tasks.cli.local import up
from christmas_tasks.env_file import COMPOSE_NAMES, KESTRA_NAMES, encode, fault_of, faults_of, missing_of
from christmas_tasks.errors import SettingsError
from christmas_tasks.settings import OPTIONAL_SECRETS, REQUIRED_SECRETS, Settings

ID = "0123456789abcdef0123456789abcdef"
GOOD = {
    "NOTION_TOKEN": "ntn_0123456789",
    "NOTION_CONTACTS_DB_ID": ID,
    "NOTION_TEMPLATES_DB_ID": ID,
    "NOTION_EMAIL_SEQUENCE_DB_ID": ID,
    "RESEND_API_KEY": "re_0123456789",
    "WEBSITE_WEBHOOK_KEY": "website-key-0123456789",
    "CALENDLY_WEBHOOK_KEY": "calendly-key-0123456789",
    "RESEND_WEBHOOK_KEY": "resend-key-0123456789",
    "UNSUBSCRIBE_SIGNING_KEY": "signing-key-0123456789",
    "EMAIL_FROM": "Anna <anna@example.org>",
    "PUBLIC_URL": "https://flows.example.org",
    "UNSUBSCRIBE_PAGE_URL": "https://www.example.org/unsubscribe",
    "POSTAL_ADDRESS": "Example Ltd, 1 O'Example Street #3",
    "KESTRA_USERNAME": "admin@example.org",
    "KESTRA_PASSWORD": 'Tree "2025" \\ $HOME',
}


def written(values: dict[str, str]) -> str:
    return "".join('{}="{}"\n'.format(name, re.sub(r'(["\\$`])', r"\\\1", value)) for name, value in values.items())


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        encode(text)
    return caught.value.lines


def read_by_a_shell(text: str, tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "read.env"
    file.write_text(text, "utf-8")
    done = subprocess.run(
        ["/bin/bash", "-c", f"set -a; . {file}; env -0"], env={}, capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def test_what_an_operator_writes_is_what_the_tasks_read(tmp_path: Path) -> None:
    """Values with blanks, quotes, dollars and backslashes survive both the file and a shell."""
    environ = read_by_a_shell(encode(written(GOOD)).text, tmp_path)
    settings = Settings.load(environ)
    for name in REQUIRED_SECRETS:
        assert settings.secret(name) == GOOD[name]
        assert name not in environ
    assert (settings.email_from, settings.postal_address) == (GOOD["EMAIL_FROM"], GOOD["POSTAL_ADDRESS"])
    assert environ["KESTRA_PASSWORD"] == GOOD["KESTRA_PASSWORD"]
    assert faults_of(environ) == missing_of(environ) == ()


def test_secrets_are_in_base64_and_no_plain_one_is_left() -> None:
    """The file has nothing that a glance over a shoulder could read."""
    text = encode(written(GOOD)).text
    assert "SECRET_RESEND_API_KEY=" + base64.b64encode(b"re_0123456789").decode() in text.splitlines()
    assert [name for name in REQUIRED_SECRETS if GOOD[name] in text] == []


def test_an_encoded_file_stays_as_it_is() -> None:
    """A second run of the command over its own work changes nothing."""
    once = encode(written(GOOD)).text
    assert encode(once).text == once


def test_the_example_file_is_taken_as_it_is_and_sets_nothing() -> None:
    """A copy of the example with nothing filled in is an empty file, not an error."""
    example = (Path(__file__).parents[2] / ".env.kestra.example").read_text("utf-8")
    assert encode(example).text == ""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("NOTION_TOKENS=ntn_0123456789", "line 2: NOTION_TOKENS is no setting"),
        ("SECRET_EMAIL_FROM=YQ==", "line 2: SECRET_EMAIL_FROM is no setting"),
        ("RESEND_API_KEY=0123456789", "line 2: RESEND_API_KEY must be a key of Resend, for example re_"),
        ("SECRET_RESEND_API_KEY=re_0123", "line 2: SECRET_RESEND_API_KEY is not base64"),
        ("NOTION_TEMPLATES_DB_ID=https://www.notion.so/x", "line 2: NOTION_TEMPLATES_DB_ID must be a database's id"),
        ("MIN_EMAIL_GAP=soon", "line 2: MIN_EMAIL_GAP must be a duration, for example 6h"),
        ("PUBLIC_URL=http://flows.example.org", "line 2: PUBLIC_URL must be an https address"),
        ("WEBSITE_WEBHOOK_KEY=a/b", "line 2: WEBSITE_WEBHOOK_KEY must be 16 to 256 letters"),
        ("KESTRA_PASSWORD=secret", "line 2: KESTRA_PASSWORD must be 8 to 72 characters"),
        ("KESTRA_USERNAME=admin", "line 2: KESTRA_USERNAME must be an e-mail address"),
        ("CAMPAIGN=x\nSECRET_NOTION_TOKEN=\nCAMPAIGN=y", "line 4: CAMPAIGN is set in line 2 already"),
        (f"NOTION_EMAIL_TEMPLATES_DB_ID={ID}\nNOTION_TEMPLATES_DB_ID={ID}", "line 3: NOTION_TEMPLATES_DB_ID is set"),
        ("CAMPAIGN='Christmas", "line 2: has a quotation mark that is never closed"),
        ("just words", "line 2: is not NAME=value"),
    ],
)
def test_each_line_at_fault_is_named_with_the_reason(line: str, reason: str) -> None:
    """The operator finds the line and reads what would be right."""
    (fault,) = refused(f"TIMEZONE=UTC\n{line}")
    assert fault.startswith(reason)


def test_all_faults_are_named_at_once_and_none_with_its_value() -> None:
    """One round of repairs is enough, and a log of it tells no secret."""
    faults = refused("RESEND_API_KEY=tell-nobody\nQUIET_HOURS=tell-nobody\nKESTRA_PASSWORD=tell-nobody\n")
    assert len(faults) == 3
    assert "tell-nobody" not in "".join(faults)


def test_every_setting_has_a_judge_that_takes_its_own_example() -> None:
    """The example in a reason is itself a right value, so that copying it helps."""
    wrong = "\N{SNOWMAN} no"
    for name in (*REQUIRED_SECRETS, *OPTIONAL_SECRETS, *KESTRA_NAMES, *COMPOSE_NAMES):
        reason = fault_of(name, wrong)
        example = reason.rpartition("for example ")[2]
        assert example, name
        assert fault_of(name, example) == "", name


def test_what_is_missing_and_what_is_off_is_told_as_a_note() -> None:
    """An unfinished file can be encoded, and says what it lacks."""
    notes = encode("TESTING_MODE=yes\nNOTION_TOKEN=ntn_0123456789\n").notes
    assert "RESEND_API_KEY is required and not set" in notes
    assert "KESTRA_PASSWORD is required and not set" in notes
    assert "line 1: TESTING_MODE reads neither true nor false, so it is off" in notes
    assert not [note for note in notes if "NOTION_TOKEN" in note]


def test_the_command_writes_for_the_owner_alone_and_prints_no_value(tmp_path: Path) -> None:
    """The file is private from its first byte, and the terminal shows how many settings it holds."""
    plain, out = tmp_path / "settings.env", tmp_path / ".env.kestra"
    plain.write_text(written(GOOD), "utf-8")
    for _ in range(2):
        done = CliRunner().invoke(env, ["encode", str(plain), "-o", str(out)])
        assert done.exit_code == 0, done.output
        assert out.read_text("utf-8") == encode(written(GOOD)).text
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        assert [value for value in GOOD.values() if value in done.output] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env.kestra", "settings.env"]


def test_the_command_replaces_other_settings_only_when_told_to(tmp_path: Path) -> None:
    """The one file with all secrets is never lost by a typing mistake."""
    plain, out = tmp_path / "settings.env", tmp_path / ".env.kestra"
    plain.write_text("CAMPAIGN=new\n", "utf-8")
    out.write_text("CAMPAIGN=old\n", "utf-8")
    refusal = CliRunner().invoke(env, ["encode", str(plain), "-o", str(out)])
    assert isinstance(refusal.exception, SettingsError)
    assert out.read_text("utf-8") == "CAMPAIGN=old\n"
    assert CliRunner().invoke(env, ["encode", str(plain), "-o", str(out), "--force"]).exit_code == 0
    assert out.read_text("utf-8") == "CAMPAIGN=new\n"


def test_the_command_writes_nothing_if_one_line_is_wrong(tmp_path: Path) -> None:
    """No half file: the old one stays."""
    plain, out = tmp_path / "settings.env", tmp_path / ".env.kestra"
    plain.write_text("CAMPAIGN=new\nTIMEZONE=Mars\n", "utf-8")
    refusal = CliRunner().invoke(env, ["encode", str(plain), "-o", str(out)])
    assert isinstance(refusal.exception, SettingsError)
    assert refusal.exception.lines == (
        f"{plain}, line 2: TIMEZONE must be a time zone's name, for example America/New_York",
    )
    assert not out.exists()


def test_the_check_of_a_server_names_what_is_wrong_before_what_is_missing(tmp_path: Path) -> None:
    """A container that can't run right says why instead of starting: name, reason, example."""
    environ = read_by_a_shell(encode(written(GOOD)).text, tmp_path)
    done = CliRunner().invoke(env, ["check"], env=environ)
    assert done.exit_code == 0, done.output
    wrong = CliRunner().invoke(env, ["check"], env={**environ, "QUIET_HOURS": "night", "KESTRA_PASSWORD": "kestra"})
    assert isinstance(wrong.exception, SettingsError)
    assert [line.split(" must")[0] for line in wrong.exception.lines] == ["QUIET_HOURS", "KESTRA_PASSWORD"]
    lacking = CliRunner().invoke(env, ["check"], env={**environ, "KESTRA_USERNAME": "", "SECRET_NOTION_TOKEN": ""})
    assert isinstance(lacking.exception, SettingsError)
    assert [line.split(" ")[0] for line in lacking.exception.lines] == ["NOTION_TOKEN", "KESTRA_USERNAME"]


def test_up_refuses_a_wrong_setting_before_it_starts_anything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No engine comes up that would fail each of its tasks."""
    monkeypatch.setenv("CAMPAIGN_DEADLINE", "Christmas Eve")
    with pytest.raises(SettingsError) as caught:
        up(data_dir=tmp_path / "data", port=0, sandbox_port=0)
    assert caught.value.lines == ("CAMPAIGN_DEADLINE must be a date, for example 2025-12-05",)
    assert not (tmp_path / "data").exists()
