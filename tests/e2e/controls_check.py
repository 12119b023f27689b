"""Plugin of pytest: after all tests in a browser, a control of the page that none of them used is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e import controls

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_HERE = Path(__file__).parent
# Each of these runs a part of the tests only.
_PARTS = ("keyword", "markexpr", "lf", "last_failed", "deselect")


class ControlsCheck:
    """Gathers what each process of the run has noted, and judges it at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._files: set[str] = set()
        self._all_passed = True
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which files ran, and whether all of them passed."""
        if "tests/e2e/" in report.nodeid:
            self._files.add(report.nodeid.partition("::")[0].rpartition("/")[2])
            self._all_passed = self._all_passed and report.passed

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what another process has noted."""
        if told := getattr(node, "workeroutput", {}).get("controls"):
            controls.add(told)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send what was noted to the process in charge, or judge: a control left untried fails the run."""
        if (sent := getattr(self._config, "workeroutput", None)) is not None:
            sent["controls"] = controls.recorded()
        elif self._is_whole():
            self._lines = controls.untried()
            if self._lines and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say what was left untried."""
        if not self._is_whole():
            return
        terminalreporter.section("controls of the page")
        terminalreporter.line(controls.coverage())
        for line in self._lines:
            terminalreporter.line(f"never used: {line}", red=True)

    def _is_whole(self) -> bool:
        option = self._config.option
        part = any(getattr(option, name, None) for name in _PARTS) or any(
            "::" in one for one in option.file_or_dir
        )
        wanted = {path.name for path in _HERE.glob("test_*.py")}
        return not part and self._all_passed and self._files >= wanted
