"""The page of a diverging program in a browser: both runs step by step, and the monitor's work marked."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ringproof.__main__ import main
from ringproof.properties.monitors.demonstrating import programs

from ..monitors.counterexamples import RETURN_TO_USER
from .browser import needs_chromium, opened

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = programs(RETURN_TO_USER.system, [("RETURN TO USER", (RETURN_TO_USER,))], jobs=1)["RETURN TO USER"]
    assert found is not None
    path = found.program.save(tmp_path_factory.mktemp("divergence"))
    assert main(["report", str(path)]) == 0
    return path.with_suffix(".html")


def test_the_page_opens_at_the_step_in_which_the_runs_part(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        assert found.text("#heading").count("LOAD PSW 0") == 2
        assert "traps: privilege trap" in found.text("#heading")
        assert "emulated by the monitor after the host's privilege trap" in found.text("#heading")
        assert (found.value("P", 1), found.value("P", 3)) == (0x10, 0)
        assert not found.complaints


def test_before_that_step_only_what_the_guest_does_not_see_differs(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        found.page.keyboard.press("p")
        assert found.text("#heading").count("RETURN TO USER 3") == 2
        assert (found.value("M", 1), found.value("M", 3)) == (1, 0)
        assert found.page.locator("#table tr.differs").count() == 1
        assert "emulated" not in found.text("#heading")


def test_the_page_offers_no_edits_since_it_does_not_have_the_monitor(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        assert found.page.locator("#table .edit").count() == 0
        assert "the monitor's work" in found.text("#inert")
