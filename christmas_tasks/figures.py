"""What the charts of the dashboard files show, computed by a running Kestra.

Kestra's open-source edition stores no dashboards since 2.0.0, but answers for any chart that a caller describes.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from christmas_tasks.errors import PermanentError, SetupRefused, VendorUnavailable

_TIMEOUT_S = 30.0
_MOST_ROWS = 50
_LOGIN_REFUSED = (401, 403)


class ChartRefused(PermanentError):
    """Kestra can't show a chart as its file describes it."""


class Board:
    """The charts of one Kestra.

    Args:
        url: For example ``http://127.0.0.1:8080``.
        username: Of the API.
        password: Of the API.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        import httpx  # noqa: PLC0415 - for this command alone

        self._url = url
        self._http = httpx.Client(base_url=url.rstrip("/"), auth=(username, password), timeout=_TIMEOUT_S)

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def rows(self, chart: Mapping[str, Any], days: int, now: datetime) -> list[dict[str, Any]]:
        """The rows of one chart over the last *days*.

        Raises:
            ChartRefused: With Kestra's reason.
            SetupRefused: Wrong login.
            VendorUnavailable: No answer.
        """
        import httpx  # noqa: PLC0415 - see above
        import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - likewise

        start, end = (now - timedelta(days=days)).isoformat(), now.isoformat()
        asked = {
            "chart": yaml.safe_dump(dict(chart), sort_keys=False),
            "globalFilter": {
                "startDate": start,
                "endDate": end,
                "pageNumber": 1,
                "pageSize": _MOST_ROWS,
                "filters": [
                    {"field": "startDate", "operation": "GREATER_THAN_OR_EQUAL_TO", "value": start},
                    {"field": "endDate", "operation": "LESS_THAN_OR_EQUAL_TO", "value": end},
                ],
            },
        }
        try:
            answer = self._http.post("/api/v1/main/dashboards/charts/preview", json=asked)
        except httpx.HTTPError as error:
            raise VendorUnavailable(
                f"{self._url} gives no answer ({type(error).__name__}): check the address of --url or KESTRA_URL, and "
                "whether Kestra runs there."
            ) from None
        if answer.status_code in _LOGIN_REFUSED:
            raise SetupRefused(f"{self._url} refuses the login: check KESTRA_USERNAME and KESTRA_PASSWORD.")
        if answer.is_server_error:
            raise VendorUnavailable(f"{self._url} is in trouble (HTTP {answer.status_code}): try again.")
        if answer.is_error:
            raise ChartRefused(
                f"The chart {chart['id']} can't be shown (HTTP {answer.status_code}): {answer.text[:500]}"
            )
        return list(answer.json()["results"])


def boards_of(dashboards: Mapping[str, str], board: Board, days: int, now: datetime) -> list[dict[str, Any]]:
    """Every chart of every file: ``chart``, ``title``, ``columns``, ``rows``; of a single number ``number`` alone."""
    import yaml  # noqa: PLC0415 - see above

    found: list[dict[str, Any]] = []
    for source in dashboards.values():
        for chart in yaml.safe_load(source)["charts"]:
            rows = board.rows(chart, days, now)
            is_number = chart["type"].endswith(".KPI")
            found.append(
                {
                    "chart": chart["id"],
                    "title": chart["chartOptions"]["displayName"],
                    "columns": [] if is_number else list(chart["data"]["columns"]),
                    "rows": [] if is_number else rows,
                    "number": (rows[0]["value"] if rows else 0) if is_number else None,
                }
            )
    return found
