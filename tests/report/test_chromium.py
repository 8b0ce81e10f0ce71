"""Rung 6 on a machine without a browser: told by name where somebody looks, failed where nobody does."""

from __future__ import annotations

import pytest

from .chromium import BROWSERS, chromium_path


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """The one folder on PATH, empty."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", BROWSERS)
def test_a_browser_is_found_by_any_of_its_names(programs, name):
    (programs / name).touch(mode=0o755)
    assert chromium_path() == str(programs / name)


@pytest.mark.parametrize("ci", [None, "false"])
def test_without_one_the_rung_is_reported_as_not_run_with_what_brings_it(programs, monkeypatch, ci):
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    with pytest.raises(pytest.skip.Exception, match=r"rung 6 \(browser\) needs Chromium: .*apt-get install chromium"):
        chromium_path()


def test_without_one_the_rung_fails_in_continuous_integration(programs, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match=r"rung 6 \(browser\) needs Chromium") as ended:
        chromium_path()
    assert ended.type is pytest.fail.Exception  # raised alone, a skip would pass through and be this test's own
