"""The runs of this folder need the engine, save those that only read and reckon."""

from pathlib import Path

import pytest

_WITHOUT_ENGINE = {"test_judge.py", "test_liveness.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what boots an engine."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.path.name not in _WITHOUT_ENGINE:
            item.add_marker(pytest.mark.integration)
