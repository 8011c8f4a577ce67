"""Looks at the three databases and the templates: for the health check, and for ``christmas-tasks notion check``."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol

from christmas_tasks.columns import Database
from christmas_tasks.errors import ChristmasError
from christmas_tasks.notion_blueprint import missing_options
from christmas_tasks.notion_schema import Schema
from christmas_tasks.sequences import Sequence, all_template_names, template_name
from christmas_tasks.steps.findings import Findings, Report
from christmas_tasks.template_format import StoredTemplate
from christmas_tasks.templates import Template, problems


class Schemas(Protocol):
    """What is asked of Notion for the databases' columns."""

    def schema(self, database: Database, *, fresh: bool = False) -> Schema:
        """How a database looks."""
        ...


class TemplateRow(Protocol):
    """One row of the templates database."""

    @property
    def stored(self) -> StoredTemplate:
        """What stands in it."""
        ...


class AdminSight(Schemas, Protocol):
    """What ``notion check`` asks of Notion."""

    def whoami(self) -> str:
        """The integration's name."""
        ...

    def template_rows(self) -> Iterable[TemplateRow]:
        """Every row of the templates database."""
        ...


def check_databases(notion: AdminSight, ids: Mapping[Database, str]) -> Report:
    """Compare databases and templates with what the campaign needs; reads only, safe to repeat.

    Args:
        notion: The client.
        ids: Of the databases that are set; the others are faults.
    """
    findings = Findings()
    findings.guarded(lambda: findings.good(f"Notion answers, integration {notion.whoami()}"))
    if findings.report().faults:
        return findings.report()
    readable = set()
    for database in Database:
        if database in ids:
            if look_at_database(notion, database, findings):
                readable.add(database)
        else:
            findings.fault(
                f"{database.value} is not set: put SECRET_{database.value} (base64) into .env.kestra "
                "(`christmas-tasks notion init` makes the database and prints the line)"
            )
    if Database.TEMPLATES in readable:
        findings.guarded(lambda: look_at_templates([row.stored.template for row in notion.template_rows()], findings))
    return findings.report()


def look_at_database(notion: Schemas, database: Database, findings: Findings, *, briefly: bool = False) -> bool:
    """Write down what a database lacks; gives whether it can be read.

    Args:
        notion: The client.
        database: Which one.
        findings: Grows.
        briefly: One line for all optional columns; no word of options that Notion adds when they are first written.
    """
    try:
        schema = notion.schema(database, fresh=True)
    except ChristmasError as error:
        name = database.value
        findings.fault(str(error) if str(error).startswith(name) else f"{name}: {error}")
        return False
    options = missing_options(schema)
    faults = (*schema.faults(), *(each.line for each in options if each.is_fault))
    for line in faults:
        findings.fault(f"{database.label} database: {line}")
    if not faults:
        findings.good(f"the {database.label} database has every required column")
    if briefly and (gaps := schema.gaps()):
        findings.warn(f"{database.label} database: optional columns are missing: {', '.join(gaps)}")
    if briefly:
        return True
    for column in schema.missing():
        if not column.is_required:
            findings.warn(f"{database.label} database: the optional {schema.missing_line(column).removeprefix('the ')}")
    for line in (*(each.line for each in options if not each.is_fault), *schema.doubles()):
        findings.warn(f"{database.label} database: {line}")
    return True


def look_at_templates(templates: Iterable[Template], findings: Findings) -> None:
    """Write down which emails can't be sent, and why; of names that occur twice, whether that matters."""
    by_name: dict[str, list[Template]] = defaultdict(list)
    for template in templates:
        by_name[template.name].append(template)
    good = 0
    website_only = template_name(Sequence.FIVE_DAY, 1)
    for name in all_template_names():
        # The active one is used where a name occurs twice.
        rows = sorted(by_name[name], key=lambda template: template.is_active)
        found = problems(rows[-1]) if rows else ("it is missing: add it",)
        good += not found
        for problem in found:
            line = f'template "{name}": {problem}'
            if name == website_only:
                findings.warn(f"{line} (the website sends this one)")
            else:
                findings.fault(line)
        active = sum(template.is_active for template in rows)
        if active > 1:
            findings.fault(f'template "{name}": {active} active rows have this name: set all but one to another Status')
        elif len(rows) > 1:
            findings.warn(f'template "{name}": {len(rows)} rows have this name: rename or bin those that are not used')
    findings.good(f"{good} of {len(all_template_names())} templates can be sent")
