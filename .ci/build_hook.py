"""Puts what belongs beside the programs into wheel and sdist: configuration, units, manual pages and completions."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MADE = "build/share"
"""Manual pages and completions, written by `.ci/share-files build/share`; without them, the wheel has none."""


class ShareHook(BuildHookInterface[Any]):
    """Adds files that not every checkout has, so that `pip install .` needs nothing but hatchling."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files, if they were made; an editable installation has its own."""
        if version == "editable" or not Path(self.root, MADE).is_dir():
            return
        if self.target_name == "wheel":
            build_data["shared_data"][MADE] = "share"
        else:
            build_data["force_include"][MADE] = MADE
