"""Runs the product on one machine: the embedded engine and the tools it needs."""
