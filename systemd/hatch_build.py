"""Puts the man pages into wheel and sdist: hatchling's build hook, named in pyproject.toml.

They are made by the program itself (`python -m bridge.cli.manual`), so what it imports must be there while it is built:
in the environment of the tests, in that of a release. `pip install .` builds apart from all that, and is not made to
install everything twice for pages that nobody reads in a virtual environment. An sdist brings them along.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # its configuration is nobody's business here
    """The name is hatchling's."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before a target is built; `version` is "standard", or "editable" for pip install -e."""
        if version == "editable":
            return
        self._made = tempfile.TemporaryDirectory(prefix="smsbridge-man-")
        brought = Path(self.root, "man")
        for page in sorted((brought if brought.is_dir() else self._pages()).iterdir()):
            if self.target_name == "wheel":
                build_data["shared_data"][str(page)] = f"share/man/man{page.suffix[1:]}/{page.name}"
            else:
                build_data["force_include"][str(page)] = f"man/{page.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """After it was built."""
        if version != "editable":
            self._made.cleanup()

    def _pages(self) -> Path:
        made = subprocess.run(  # noqa: S603  # this interpreter and our own module
            [sys.executable, "-m", "bridge.cli.manual", self._made.name],
            cwd=self.root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            self.app.display_warning("without man pages: what smsbridge needs is not installed here")
        return Path(self._made.name)
