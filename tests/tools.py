"""Programs that tests need beside Python."""

import os
import shutil

import pytest

from tests.__main__ import PACKAGES, is_here


def need(name: str) -> None:
    """Leave a test out without a program; where CI's root could install it, it must be here."""
    if is_here(name):
        return
    could_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if os.environ.get("CI") == "true" and name in PACKAGES and could_install:
        pytest.fail(f"{name} was to be installed before the tests, and is not here")
    pytest.skip(f"{name} is not here")
