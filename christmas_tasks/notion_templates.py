"""The templates database in Notion for who keeps templates as files: rows are read and written as they stand."""

from dataclasses import dataclass

from christmas_tasks.columns import Database
from christmas_tasks.notion import Notion
from christmas_tasks.notion_json import Json, decode_text
from christmas_tasks.template_format import StoredTemplate
from christmas_tasks.tracker import Changes

# The fields of a ``StoredTemplate`` and their columns.
COLUMNS = {
    "name": "Template Name",
    "subject": "Subject Line",
    "preview": "Preview Text",
    "html": "Email Body HTML",
    "text": "Email Body Plain Text",
    "status": "Status",
}


@dataclass(frozen=True)
class TemplateRow:
    """One row of the templates database.

    Args:
        row_id: Notion's page id.
    """

    row_id: str
    stored: StoredTemplate


class NotionTemplates(Notion):
    """Notion, with the templates' rows to be written. Every method may be repeated; none deletes."""

    again = "run the command again"

    def template_rows(self) -> list[TemplateRow]:
        """All rows, the one that mails are rendered from last where a name occurs twice. A call for each 100."""
        rows = [self._template_row(page) for page in self._query(Database.TEMPLATES, {})]
        return sorted(rows, key=lambda row: row.stored.template.is_active)

    def create_template(self, stored: StoredTemplate) -> StoredTemplate:
        """Add a row; if the answer gets lost, looks for the name before repeating. Returns what Notion keeps."""

        def look() -> TemplateRow | None:
            found = [row for row in self.template_rows() if row.stored.name == stored.name]
            return found[-1] if found else None

        row = self._create(Database.TEMPLATES, _changes(stored), look, self._template_row)
        self._cache.write(self._made_name(Database.TEMPLATES, stored.name), row.row_id)
        return row.stored

    def just_made_template(self, name: str) -> TemplateRow | None:
        """The row of this name that this machine has made a moment ago, and that Notion may not list yet."""
        page = self._just_made(Database.TEMPLATES, name)
        return None if page is None else self._template_row(page)

    def has_just_made_template(self, name: str) -> bool:
        """Whether there is such a row."""
        return self.just_made_template(name) is not None

    def update_template(self, row_id: str, stored: StoredTemplate, fields: tuple[str, ...]) -> StoredTemplate:
        """Write some fields of a row. Returns what Notion keeps. One call."""
        changes = {COLUMNS[name]: getattr(stored, name) for name in fields}
        return self._template_row(self._update(Database.TEMPLATES, row_id, changes)).stored

    def _template_row(self, page: Json) -> TemplateRow:
        schema = self.schema(Database.TEMPLATES)
        texts = {name: decode_text(schema.cell(page, column)) for name, column in COLUMNS.items()}
        return TemplateRow(page["id"], StoredTemplate(**{**texts, "name": texts["name"].strip()}))


def _changes(stored: StoredTemplate) -> Changes:
    return {column: getattr(stored, name) for name, column in COLUMNS.items()}
