"""Settings for work without vendors: the environment's own, and stated stand-ins for what each mail needs."""

from collections.abc import Mapping

from christmas_tasks.samples import OPTIONAL_SETTINGS, REQUIRED_SETTINGS
from christmas_tasks.settings import Settings, given


def offline_settings(environ: Mapping[str, str], *, optional: bool = False) -> tuple[Settings, tuple[str, ...]]:
    """The settings, and the names of those that were not set and are stand-ins.

    Args:
        environ: The environment.
        optional: Fill in what a mail can do without as well.

    Raises:
        SettingsError: A value that is set can't be read.
    """
    wanted = {**REQUIRED_SETTINGS, **(OPTIONAL_SETTINGS if optional else {})}
    found = given(environ)
    assumed = {name: value for name, value in wanted.items() if name not in found}
    return Settings.load({**environ, **assumed}), tuple(assumed)


def bare_settings(environ: Mapping[str, str]) -> Settings:
    """The same with the optional ones taken away: what a mail says where nobody has set them."""
    found = {name: value for name, value in given(environ).items() if name not in OPTIONAL_SETTINGS}
    return Settings.load({**REQUIRED_SETTINGS, **found})
