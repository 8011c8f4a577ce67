"""The door by which a Script task of a flow comes in: files and environment to steps, results to Kestra's outputs.

A flow's script is one call, ``run("prepare")``. What comes in: text of other people as base64 files or stored bodies,
ids, numbers and times as environment variables, settings as ``settings.py`` reads them. What goes out: one outputs line
of ids, numbers, times and booleans, and base64 files for all else.

A permanent error ends the task in success with the output ``fault``; the flow's last task fails on it at once, since
Kestra would repeat a failed task. A transient one fails the task, and Kestra repeats it.
"""

from christmas_tasks.flow_tasks.start import run

__all__ = ["run"]
