"""The command ``christmas-tasks``: the library for people. Each command decides nothing that the steps don't.

One module for each group of commands; ``app`` puts them together. Heavy imports stand in the functions that need them.
"""

from christmas_tasks.cli.app import app, main

__all__ = ["app", "main"]
