"""The command `christmas-sandbox`."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from christmas_sandbox.app import create_app
from christmas_sandbox.console_engine import EngineAccess
from christmas_sandbox.sandbox import (
    DEFAULT_DOMAINS,
    DEFAULT_NOTION_TOKEN,
    DEFAULT_RESEND_API_KEY,
    SandboxOptions,
)
from christmas_sandbox.seed import ContactsLayout, TemplateFolderError
from christmas_sandbox.server import bind, make_server, url_of
from christmas_sandbox.store import DataDirInUseError

# How often the start looks whether the server takes requests.
_LOOK_SECONDS = 0.01


def main(argv: Sequence[str] | None = None) -> None:
    """Run the sandbox until SIGTERM or SIGINT; prints `sandbox ready <url>` once it takes requests.

    Raises:
        SystemExit: 1 where it can't start, with one line that says why.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        engine = _engine(args.kestra_url)
    except ValueError as error:
        parser.error(f"--kestra-url: {error}")
    options = SandboxOptions(
        templates_dir=args.templates,
        contacts_layout=ContactsLayout(args.contacts_layout),
        notion_token=args.notion_token,
        resend_api_key=args.resend_api_key,
        domains=tuple(args.domain or DEFAULT_DOMAINS),
        engine=engine,
    )
    # uvicorn raises the signal that stopped it once more at its end; to have stopped as asked is no failure.
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    try:
        asyncio.run(_run(args.data_dir, (args.host, args.port), options, dict(args.static)))
    except (DataDirInUseError, TemplateFolderError, OSError) as error:
        sys.exit(f"christmas-sandbox: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


async def _run(data_dir: Path, address: tuple[str, int], options: SandboxOptions, static: dict[str, Path]) -> None:
    with bind(address[1], address[0]) as bound:
        server = make_server(create_app(data_dir, options, static))
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for its start
            await asyncio.sleep(_LOOK_SECONDS)
        if server.started:
            sys.stdout.write(f"sandbox ready {url_of(bound)}\n")
            sys.stdout.flush()
        await serving


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="christmas-sandbox", description="Local stand-ins of Notion, Resend and Discord on one port."
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="where the state lives; made if absent")
    parser.add_argument("--port", type=int, default=8025, help="0 takes a free one (default 8025)")
    parser.add_argument(
        *("--host",),
        default="127.0.0.1",
        help="another address only inside a container that publishes the port on 127.0.0.1 (default 127.0.0.1)",
    )
    parser.add_argument("--templates", type=Path, help="folder of email templates for an empty data folder")
    parser.add_argument(
        *("--contacts-layout",),
        choices=[layout.value for layout in ContactsLayout],
        default=ContactsLayout.CAMPAIGN.value,
        help="column names of the contacts database of an empty data folder",
    )
    parser.add_argument("--notion-token", default=DEFAULT_NOTION_TOKEN, help="the token that Notion lets in")
    parser.add_argument("--resend-api-key", default=DEFAULT_RESEND_API_KEY, help="the key that Resend lets in")
    parser.add_argument("--domain", action="append", help="a verified sender domain (default example.org); repeatable")
    parser.add_argument(
        *("--static",),
        type=_static,
        action="append",
        default=[],
        metavar="/PATH=FILE",
        help="serve a file at a path, such as /unsubscribe=page.html; repeatable",
    )
    parser.add_argument(
        *("--kestra-url",),
        metavar="URL",
        help="the Kestra whose executions the console page shows and replays, such as http://127.0.0.1:8080; "
        "its login is KESTRA_USERNAME and KESTRA_PASSWORD of the environment",
    )
    return parser


def _engine(url: str | None) -> EngineAccess | None:
    """Put the address and the login together; an argument would show the password to whoever lists processes."""
    if url is None:
        return None
    return EngineAccess(url, os.environ.get("KESTRA_USERNAME", ""), os.environ.get("KESTRA_PASSWORD", ""))


def _static(text: str) -> tuple[str, Path]:
    path, _, file = text.partition("=")
    if not path.startswith("/") or not Path(file).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not /PATH=FILE with an existing file")
    return path, Path(file)


if __name__ == "__main__":
    main()
