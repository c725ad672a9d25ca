"""A pytest inside a test, as another project has it: a process of its own that knows our plugin."""

from __future__ import annotations

import pytest

__all__ = ["run_pytest"]


def run_pytest(pytester: pytest.Pytester, *arguments: str, finds_plugins: bool = False) -> pytest.RunResult:
    """Run the files of *pytester*, with warnings as errors.

    Args:
        pytester: has the files.
        arguments: further arguments of pytest.
        finds_plugins: whether our plugin is found by its entry point. To load all that are installed here takes ten
            times as long as a test.
    """
    common = ["-W", "error", "-p", "no:cacheprovider"]
    if finds_plugins:
        return pytester.runpytest_subprocess(*common, *arguments, timeout=50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return pytester.runpytest_subprocess(*common, "-p", "_voyant_cloud_pytest", *arguments, timeout=50)
