"""The documents say what the code does: their tables are read and compared with it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from typer.models import CommandInfo

from christmas_tasks import variables
from christmas_tasks.cli import app
from christmas_tasks.columns import COLUMNS, Column, Database
from christmas_tasks.contacts import STAGES
from christmas_tasks.env_file import COMPOSE_NAMES
from christmas_tasks.events import Delivery
from christmas_tasks.lint import LEVELS
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, Payload, PostCall, Signup
from christmas_tasks.segments import READINESS_ZONES, Segment, classify
from christmas_tasks.sequences import RULES, Sequence, StopEvent, template_name
from christmas_tasks.settings import OPTIONAL_SECRETS, REQUIRED_PLAIN, REQUIRED_SECRETS, Settings
from christmas_tasks.tracker import EmailStatus, SentBy, SequenceStatus

ROOT = Path(__file__).resolve().parents[2]
CONTRACT, TEMPLATES = ROOT / "kestra" / "README.md", ROOT / "docs" / "TEMPLATES.md"
EXAMPLE = ROOT / ".env.kestra.example"
FLOWS = ROOT / "kestra" / "flows" / "christmas"
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/*.md", "kestra/*.md", "kestra/embedded/*.md", "christmas_sandbox/*.md")
    for path in sorted(ROOT.glob(pattern))
]
SECRETS = (*REQUIRED_SECRETS, *OPTIONAL_SECRETS)
KESTRA_NAMES = ("KESTRA_URL", "KESTRA_USERNAME", "KESTRA_PASSWORD")
BODIES: dict[str, type[Payload]] = {
    "signup-handler": Signup,
    "assessment-handler": Assessment,
    "noshow-recovery-handler": NoShow,
    "postcall-maybe-handler": PostCall,
    "onboarding-handler": Onboarding,
}
Row = dict[str, str]


def section(path: Path, heading: str) -> str:
    """The text under one heading, up to the next heading of any depth."""
    parts = re.split(r"^#+ (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def tables(text: str) -> list[list[Row]]:
    """All Markdown tables of a text, a dictionary for each row."""
    found = []
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.splitlines()]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def table(path: Path, heading: str) -> list[Row]:
    """The first table under one heading."""
    return tables(section(path, heading))[0]


def code(cell: str) -> list[str]:
    """What a cell has between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def flow_files() -> dict[str, str]:
    """The text of each flow file by flow id."""
    return {path.stem: path.read_text("utf-8") for path in FLOWS.rglob("*.yml")}


def read_delay(cell: str) -> timedelta:
    """A cell such as ``+24 h``."""
    amount, unit = cell.removeprefix("+").split()
    return timedelta(**{{"min": "minutes", "h": "hours", "d": "days"}[unit]: int(amount)})


def test_the_table_of_flows_names_every_flow_file_with_its_key_and_schedule() -> None:
    """A caller finds the address, an operator the time."""
    documented = {
        code(row["Flow"])[0]: (row["Key"].strip("`"), row["Schedule (UTC)"].strip("`"))
        for row in table(CONTRACT, "Flows and webhooks")
    }
    real = {}
    for flow_id, text in flow_files().items():
        key = re.search(r"^    key: \"(?:{{ secret\('(\w+)'\) }}|([\w-]+))\"$", text, re.MULTILINE)
        cron = re.search(r"^    cron: \"(.+)\"$", text, re.MULTILINE)
        real[flow_id] = ((key[1] or key[2]) if key else "-", cron[1] if cron else "-")
    assert documented == real


def test_the_table_of_repeats_names_every_flow() -> None:
    """No flow is left without a word about restart and replay."""
    rows = table(CONTRACT, "What a repeat, a restart and a replay do")
    assert [code(row["Flow"])[0] for row in rows] == [code(r["Flow"])[0] for r in table(CONTRACT, "Flows and webhooks")]


def test_the_common_fields_are_those_of_every_payload() -> None:
    """What all bodies share stands in one table."""
    assert_fields(table(CONTRACT, "Every body"), Payload, set(Payload.model_fields))


@pytest.mark.parametrize("flow_id", BODIES)
def test_the_table_of_a_body_has_its_models_fields_needs_and_defaults(flow_id: str) -> None:
    """A caller who follows the table is never refused, and misses no field."""
    model = BODIES[flow_id]
    assert_fields(table(CONTRACT, flow_id), model, set(model.model_fields) - set(Payload.model_fields))


def assert_fields(rows: list[Row], model: type[Payload], names: set[str]) -> None:
    """Compare one table of fields with a model."""
    assert {code(row["Field"])[0] for row in rows} == names
    for row in rows:
        name, *aliases = code(row["Field"])
        field = model.model_fields[name]
        alias = field.validation_alias
        assert {name, *aliases} == {name, *(getattr(alias, "choices", None) or [])}, name
        need = "required" if field.is_required() else "one of these" if name in model.one_of else "optional"
        assert row["Required"] == need, name
        absent = row["Absent, null or blank"]
        if field.is_required():
            assert absent.startswith("refused"), name
        elif isinstance(field.default, bool | int | float):
            assert code(absent)[:1] == [f"{field.default:g}" if field.default is not False else "false"], name


def test_the_first_row_that_fits_tells_the_segment_of_every_count() -> None:
    """The table of segments and the code agree on all 81 pairs."""

    def fits(cell: str, count: int) -> bool:
        numbers = [int(number) for number in re.findall(r"\d+", cell)]
        return cell == "any" or numbers[0] <= count <= numbers[-1]

    rows = table(CONTRACT, "Segments")
    for red in range(9):
        for orange in range(9):
            first = next(row for row in rows if fits(row["Red systems"], red) and fits(row["Orange systems"], orange))
            assert first["Segment"] == classify(red, orange), (red, orange)


def test_the_table_of_delays_is_the_plan_of_every_sequence() -> None:
    """Numbers, senders, templates and both delays, in order, and nothing else."""
    documented = [
        (
            code(row["`Sequence Type`"])[0],
            int(row["Email"].removeprefix("#")),
            row["Sent by"],
            code(row["Template"])[0],
            None if row["Production"] == "-" else read_delay(row["Production"]),
            None if row["Testing minutes"] == "-" else int(row["Testing minutes"]),
        )
        for row in table(CONTRACT, "Delays and templates")
    ]
    real: list[tuple[str, int, str, str, timedelta | None, int | None]] = []
    for sequence, rules in RULES.items():
        mine = [(number, "website", None, None) for number in rules.website_numbers]
        kestras = [(rule.number, "Kestra", rule.delay, rule.testing_minutes) for rule in rules.emails]
        real.extend(
            (sequence.value, number, sender, template_name(sequence, number), delay, minutes)
            for number, sender, delay, minutes in (*mine, *kestras)
        )
    assert documented == real


def test_the_table_of_stops_is_that_of_the_rules() -> None:
    """Each event ends exactly the sequences that its row names."""
    rows = {code(row["`Stop Reason`"])[0]: row for row in table(CONTRACT, "Stops")}
    assert set(rows) == set(StopEvent)
    for event in StopEvent:
        for sequence in Sequence:
            stops = rows[event][f"`{sequence.value}`"] == "stops"
            assert stops == (event in RULES[sequence].stopped_by), (event, sequence)


def test_the_table_of_secrets_names_each_one_and_whether_it_is_required() -> None:
    """An operator who fills in the required ones passes the health check."""
    documented = {code(row["Secret"])[0]: row["Required"] for row in table(CONTRACT, "Secrets")}
    assert documented == dict.fromkeys(REQUIRED_SECRETS, "required") | dict.fromkeys(OPTIONAL_SECRETS, "optional")


def test_the_table_of_plain_settings_names_each_one_with_need_default_and_a_good_example() -> None:
    """What the table calls the default is what an unset setting means, and each example can be read."""
    rows = {code(row["Setting"])[0]: row for row in table(CONTRACT, "Plain settings")}
    assert set(rows) == set(Settings.names()) - set(SECRETS)
    for name, row in rows.items():
        assert (row["Required"] == "required") == (name in REQUIRED_PLAIN), name
        default = code(row["Default"])
        assert Settings.load({name: default[0]} if default else {}) == Settings.load({}), name
        assert bool(default) or value_of(Settings.load({}), name) == "", name
        example = code(row["Example"])[0]
        assert Settings.load({name: example}) != Settings.load({}), name


def test_the_table_of_kestras_own_settings_names_what_the_tasks_read() -> None:
    """Without address and login no email would ever wait: each is named."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "christmas_tasks").rglob("*.py"))
    read = set(re.findall(r'env\("(KESTRA_\w+)"\)', sources))
    assert {code(row["Setting"])[0] for row in table(CONTRACT, "Kestra's API")} == read == set(KESTRA_NAMES)


def value_of(settings: Settings, name: str) -> object:
    """A setting's value by its name in the environment."""
    return getattr(settings, name.lower())


def test_the_example_file_has_every_setting_once_without_a_value() -> None:
    """Nobody searches the code for a name, and no real value is ever in the repository."""
    lines = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    expected = [
        f"SECRET_{name}=" if name in SECRETS else f"{name}="
        for name in (*Settings.names(), *KESTRA_NAMES, *COMPOSE_NAMES)
    ]
    assert sorted(lines) == sorted(expected)


def test_each_setting_of_the_example_file_has_one_comment_with_an_example_that_can_be_read() -> None:
    """A copied example is taken by the settings."""
    lines = EXAMPLE.read_text("utf-8").splitlines()
    for before, comment, line in zip(["", *lines], lines, lines[1:], strict=False):
        if not re.match(r"^[A-Z_]+=$", line):
            continue
        name = line.rstrip("=")
        assert comment.startswith("# "), name
        assert not before.startswith("# "), name
        example = re.search(r"Example: (.+)$", comment)
        if name in Settings.names():
            assert example is not None, name
            assert Settings.load({name: example[1].strip('"')}) != Settings.load({}), name


@pytest.mark.parametrize(
    ("heading", "database"),
    [
        ("Contacts", Database.CONTACTS),
        ("Templates", Database.TEMPLATES),
        ("Sequence tracker", Database.TRACKER),
    ],
)
def test_the_table_of_columns_is_the_databases(heading: str, database: Database) -> None:
    """Who builds a database by the table passes the check command, without a warning."""

    def described(column: Column) -> tuple[tuple[str, ...], tuple[str, ...], str]:
        name = re.sub(r"^Email [1-5] ", "Email N ", column.name)
        return (name, *column.other_names), column.kinds, "required" if column.is_required else "optional"

    documented = [
        (tuple(code(row["Column"])), tuple(code(row["Types that fit"])), row["Required"])
        for row in table(CONTRACT, heading)
    ]
    assert documented == list(dict.fromkeys(described(column) for column in COLUMNS[database]))


def test_the_values_of_the_choices_are_the_codes() -> None:
    """Who adds options to a select column by the table adds all of them."""
    documented = {
        code(row["Column"])[0]: tuple(code(row["Values"])) for row in tables(section(CONTRACT, "Sequence tracker"))[1]
    }
    suppressing = (StopEvent.UNSUBSCRIBED, StopEvent.BOUNCED, StopEvent.COMPLAINED)
    assert documented == {
        "Sequence Status": tuple(SequenceStatus),
        "Email N Status": tuple(EmailStatus),
        "Email N Sent By": tuple(SentBy),
        "Email N Delivery": tuple(Delivery),
        "Christmas Campaign Status": STAGES,
        "Email Suppressed": suppressing,
    }


def test_the_table_of_variables_names_each_one_with_its_spellings() -> None:
    """A marketer who copies a name from the table never meets an unknown variable."""
    documented = {code(row["Variable"])[0]: set(code(row["Also spelled"])) for row in table(TEMPLATES, "Variables")}
    assert set(documented) | set().union(*documented.values()) == variables.NAMES
    aliases = {alias: name for name, spellings in documented.items() for alias in spellings}
    assert aliases == variables.ALIASES


def test_the_table_of_variables_gives_the_words_of_a_mail_without_data() -> None:
    """Each fallback in quotation marks is what a mail really says."""
    campaign = variables.Campaign(Settings.load({}).campaign_deadline)
    values = variables.build({}, Segment.OPTIMIZE, campaign, campaign.deadline, "")
    tips = {"the tip for GPS": "GPS", "the tip for CREW": "CREW"}
    for row in table(TEMPLATES, "Variables"):
        (name,), absent = code(row["Variable"]), row["If absent"]
        if absent.startswith('"'):
            assert absent.split('"')[1] == str(values[name]), name
        elif absent in tips:
            assert values[name] == variables.TIPS[tips[absent]], name
        else:
            assert values[name] != "", name
            assert name not in variables.FALLBACKS, name


def test_the_documents_name_every_zone_and_tip() -> None:
    """What a segment and a weakest system are called in a mail stands in the document on templates."""
    text = section(TEMPLATES, "Variables")
    assert [zone for zone in READINESS_ZONES.values() if zone not in text] == []
    assert [system for system in variables.TIPS if system not in text] == []


def test_the_table_of_lint_rules_is_the_codes() -> None:
    """Who meets a rule's name finds it, with its level, in the order of the code."""
    documented = {code(row["Rule"])[0]: row["Level"] for row in table(TEMPLATES, "What lint finds")}
    assert list(documented.items()) == [(str(rule), str(level)) for rule, level in LEVELS.items()]


def commands() -> dict[str, set[str]]:
    """Every command as it is typed, with the commands of its group; none if it is no group."""
    found: dict[str, set[str]] = {spoken(command): set() for command in app.registered_commands}
    for group in app.registered_groups:
        inner = group.typer_instance
        assert inner is not None
        found[str(group.name)] = {spoken(command) for command in inner.registered_commands}
    return found


def spoken(command: CommandInfo) -> str:
    """A command as it is typed."""
    return command.name or getattr(command.callback, "__name__", "").replace("_", "-")


def test_every_command_is_mentioned() -> None:
    """A command that no document names is found by nobody."""
    text = "".join(path.read_text("utf-8") for path in DOCUMENTS)
    known = commands()
    assert [name for name in known if f"christmas-tasks {name}" not in text] == []
    typed = [f"{group} {name}" for group, names in known.items() for name in names]
    # "contact export|erase" names both.
    assert [words for words in typed if not re.search(mention(words), text)] == []


def mention(words: str) -> str:
    """Matches a mention of one command of a group, alone or in a list with bars."""
    group, name = words.split()
    return rf"{group} (?:[a-z-]+\|)*{name}(?![a-z-])"


def test_the_documents_name_only_commands_that_exist() -> None:
    """A printed command can be typed."""
    known = commands()
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        used = set(re.findall(r"christmas-tasks ([a-z-]*[a-z])", text))
        assert used <= set(known), path.name
        for group, names in known.items():
            if names:
                inner = re.findall(rf"christmas-tasks {group} ([a-z|-]*[a-z])", text)
                assert {name for words in inner for name in words.split("|")} <= names, (path.name, group)


def test_the_documents_name_only_verbs_of_the_makefile() -> None:
    """A printed verb can be typed."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    verbs = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    for path in DOCUMENTS:
        used = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text("utf-8"), flags=re.MULTILINE))
        assert used <= verbs, path.name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    """Files and headings that a document points to are there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), flags=re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_of_the_repository_that_a_document_names_is_there(path: Path) -> None:
    """A file that was moved or renamed is noticed."""
    folders = ("christmas_tasks/", "christmas_sandbox/", "kestra/", "tests/", "docs/", "website/")
    named = [text for text in code(path.read_text("utf-8")) if text.startswith(folders) and " " not in text]
    assert [text for text in named if "..." not in text and not list(ROOT.glob(text.rstrip("/")))] == []
