"""Compares the flow and dashboard files of a folder with a running Kestra, and uploads what differs.

Nothing is ever removed from Kestra: a flow of the namespace that no file holds is named, and stays.
"""

import difflib
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from christmas_tasks.engine_api import NAMESPACE
from christmas_tasks.errors import PermanentError, SetupRefused, VendorUnavailable

_TENANT = "main"
_TIMEOUT_S = 30.0
_ID = re.compile(r"^id:\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*$", re.MULTILINE)
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SERVER_TROUBLE = 401, 403, 404, 500
T = TypeVar("T")


class What(StrEnum):
    """How a file and Kestra differ."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    NOT_OURS = "not ours"
    NOT_KEPT = "not kept"


class DeployRefused(PermanentError):
    """Kestra refuses files, or files are unusable; ``lines`` names each one. Nothing was uploaded.

    Args:
        lines: One for each file at fault.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = tuple(lines)
        super().__init__("; ".join(self._lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """One for each file at fault."""
        return self._lines


@dataclass(frozen=True)
class Change:
    """One flow or dashboard.

    Args:
        kind: ``flow`` or ``dashboard``.
        name: Its id.
        what: How file and Kestra differ.
        diff: For a changed one: what an upload changes, as a unified diff.
    """

    kind: str
    name: str
    what: What
    diff: str = ""


@dataclass(frozen=True)
class Files:
    """The sources by id."""

    flows: Mapping[str, str]
    dashboards: Mapping[str, str]


def read_files(folder: Path) -> Files:
    """Read ``flows/**.yml`` and ``dashboards/**.yml``.

    Raises:
        DeployRefused: No flows, an id that isn't the file's name, or one id twice.
    """
    faults: list[str] = []
    flows = _sources(folder / "flows", faults)
    dashboards = _sources(folder / "dashboards", faults)
    if not flows and not faults:
        faults.append(f"{folder / 'flows'} holds no flows: name the folder kestra of the repository with --folder")
    if faults:
        raise DeployRefused(faults)
    return Files(flows, dashboards)


class Server:
    """A running Kestra, over its official client.

    Args:
        url: For example ``http://127.0.0.1:8080``.
        username: Of the API.
        password: Of the API.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        with warnings.catch_warnings():
            # One of its models has a field that shadows one of pydantic's.
            warnings.simplefilter("ignore", UserWarning)
            from kestrapy import KestraClient  # noqa: PLC0415 - 0.8 s, for this command alone

        self._url = url
        self._client: Any = KestraClient(host=url.rstrip("/"), username=username, password=password, timeout=_TIMEOUT_S)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def keeps_dashboards(self) -> bool:
        """Whether this edition stores dashboards; the open-source one does not since 2.0.0."""
        edition = _asked(lambda: self._client.misc.configuration().edition, self._url)
        return str(getattr(edition, "value", edition)) != "OSS"

    def flow_names(self) -> tuple[str, ...]:
        """The ids of all flows of the namespace."""
        found = _asked(lambda: self._client.flows.list_flows_by_namespace(NAMESPACE, _TENANT), self._url)
        return tuple(sorted(flow.id for flow in found if not flow.deleted))

    def flow(self, name: str) -> str:
        """The source of a flow."""
        found = _asked(lambda: self._client.flows.flow(NAMESPACE, name, _TENANT, source=True), self._url)
        return str(found.source)

    def dashboard(self, name: str) -> str | None:
        """The source of a dashboard; None if there is none."""
        found = _asked(lambda: self._client.dashboards.dashboard(name, _TENANT), self._url, missing=None)
        return None if not found else str(found.get("sourceCode", ""))

    def faults(self, flows: Mapping[str, str]) -> tuple[str, ...]:
        """What Kestra has against these sources, a line for each flow at fault; stores nothing."""
        body = "\n---\n".join(flows.values())
        answers = _asked(lambda: self._client.flows.validate_flows(_TENANT, body), self._url)
        names = list(flows)
        return tuple(
            f"flow {names[answer.index]}: {' '.join(answer.constraints.split())}"
            for answer in answers
            if answer.constraints
        )

    def write_flow(self, name: str, source: str, what: What) -> None:
        """Store a flow; an unchanged source makes no new revision."""
        if what is What.NEW:
            _asked(lambda: self._client.flows.create_flow(_TENANT, source), self._url)
        else:
            _asked(lambda: self._client.flows.update_flow(NAMESPACE, name, _TENANT, source), self._url)

    def write_dashboard(self, name: str, source: str, what: What) -> None:
        """Store a dashboard."""
        if what is What.NEW:
            _asked(lambda: self._client.dashboards.create_dashboard(_TENANT, source), self._url)
        else:
            _asked(lambda: self._client.dashboards.update_dashboard(name, _TENANT, source), self._url)


def compare(files: Files, server: Server) -> tuple[Change, ...]:
    """What an upload would change, flows first; reads only.

    Raises:
        SetupRefused: Kestra refuses the login.
        VendorUnavailable: It gives no answer.
    """
    stored = server.flow_names()
    changes = [
        _change("flow", name, source, server.flow(name) if name in stored else None)
        for name, source in files.flows.items()
    ]
    changes.extend(Change("flow", name, What.NOT_OURS) for name in stored if name not in files.flows)
    keeps = server.keeps_dashboards()
    for name, source in files.dashboards.items():
        if keeps:
            changes.append(_change("dashboard", name, source, server.dashboard(name)))
        else:
            changes.append(Change("dashboard", name, What.NOT_KEPT))
    return tuple(changes)


def upload(files: Files, changes: Iterable[Change], server: Server) -> None:
    """Store what is new or changed, once Kestra has checked all flows; a repeat changes nothing.

    Raises:
        DeployRefused: Kestra refuses flows; nothing was stored.
        SetupRefused: Kestra refuses the login, or a dashboard.
        VendorUnavailable: It gives no answer; run it again.
    """
    wanted = [change for change in changes if change.what in {What.NEW, What.CHANGED}]
    flows = {change.name: files.flows[change.name] for change in wanted if change.kind == "flow"}
    if flows and (faults := server.faults(flows)):
        raise DeployRefused(faults)
    for change in wanted:
        if change.kind == "flow":
            server.write_flow(change.name, files.flows[change.name], change.what)
        else:
            server.write_dashboard(change.name, files.dashboards[change.name], change.what)


def _change(kind: str, name: str, source: str, stored: str | None) -> Change:
    if stored is None:
        return Change(kind, name, What.NEW)
    if stored.strip() == source.strip():
        return Change(kind, name, What.SAME)
    lines = difflib.unified_diff(
        stored.splitlines(), source.splitlines(), f"{name} in Kestra", f"{name}.yml", lineterm=""
    )
    return Change(kind, name, What.CHANGED, "\n".join(lines))


def _sources(folder: Path, faults: list[str]) -> dict[str, str]:
    sources: dict[str, str] = {}
    for path in sorted(folder.rglob("*.yml"), key=lambda found: found.stem):
        source = path.read_text("utf-8")
        match = _ID.search(source)
        if match is None or match[1] != path.stem:
            faults.append(f"{path}: the id must equal the file's name, {path.stem}")
        elif path.stem in sources:
            faults.append(f"{path}: a second file with this name")
        else:
            sources[path.stem] = source
    return sources


_RAISES: Any = object()


def _asked(call: Callable[[], T], url: str, missing: Any = _RAISES) -> T:  # noqa: ANN401 - what stands for a 404
    from kestrapy.exceptions import ApiException  # noqa: PLC0415 - see Server
    from requests import RequestException  # noqa: PLC0415 - likewise

    try:
        return call()
    except ApiException as error:
        if error.status == _NOT_FOUND and missing is not _RAISES:
            return missing  # type: ignore[no-any-return]
        if error.status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise SetupRefused(f"{url} refuses the login: check KESTRA_USERNAME and KESTRA_PASSWORD.") from None
        if error.status >= _SERVER_TROUBLE:
            raise VendorUnavailable(f"{url} is in trouble (HTTP {error.status}): run it again.") from None
        raise SetupRefused(f"{url} refuses the request (HTTP {error.status}): is it a Kestra 2.0?") from None
    except (RequestException, ValueError) as error:
        raise VendorUnavailable(
            f"{url} gives no answer that Kestra would ({type(error).__name__}): check the address of --url or "
            "KESTRA_URL, and whether Kestra runs there."
        ) from None
