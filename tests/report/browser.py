"""A Chromium without a network, and a page opened in it with everything that it complains of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed; on Debian and Ubuntu it is the package chromium"
)


@dataclass
class Opened:
    """A page, and what it said to the console and asked of the network."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def value(self, place: str, column: int) -> int:
        """The number that the table shows: 0 and 1 are the first run before and after, 2 and 3 the second."""
        row = self.page.locator("#table tr").filter(has=self.page.locator(f".name:text-is('{place}')"))
        text = row.locator(f"td.c{column}").evaluate(
            "cell => [...cell.querySelector('.edit')?.childNodes ?? cell.childNodes]"
            ".filter(n => !n.className || n.className === 'zeros').map(n => n.textContent).join('')"
        )
        return int(text.strip(), 16)

    def edit(self, place: str, run: int, value: str) -> None:
        """Writes `value` over the number before the first step, as a reader does."""
        row = self.page.locator("#table tr").filter(has=self.page.locator(f".name:text-is('{place}')"))
        row.locator(f"td.c{2 * run} .edit").click()
        self.page.keyboard.type(value)
        self.page.keyboard.press("Enter")

    def look(self, array: str, index: int) -> None:
        """Lists sixteen cells from the index on."""
        self.unfold()
        form = self.page.locator(f".finder:has(label:text('{array} from'))")
        form.locator("input").fill(hex(index))
        form.locator("button").click()

    def unfold(self) -> None:
        for summary in self.page.locator("#table details:not([open]) > summary").all()[::-1]:
            summary.click()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, path: Path, fragment: str = "", **options: Any) -> Iterator[Opened]:
    """`path` in a new tab, when its module is ready."""
    context = browser.new_context(**options)
    context.set_default_timeout(10_000)
    found = Opened(context.new_page())
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on("request", lambda request: found.requests.append(request.url))
    found.page.goto(path.as_uri() + fragment)
    if options.get("java_script_enabled", True):
        found.page.wait_for_selector("html[data-ready=all]")
    try:
        yield found
    finally:
        context.close()
