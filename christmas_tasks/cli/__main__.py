"""``python -m christmas_tasks.cli``."""

from christmas_tasks.cli.app import main

main()
