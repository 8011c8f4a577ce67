"""Figures of the real product on one machine, each beside its floor, its peer or the limit that dictates it.

Run ``make bench``, or ``.venv/bin/python -m benchmarks NAME ...`` for single ones. A bar that is not met is shown, and
is no failure: machines differ. A lost or a double mail is one, on any machine.
"""
