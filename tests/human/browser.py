"""A real Chromium, and whatever its pages complain of."""

import os
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (400|403|429)")


@asynccontextmanager
async def chromium(*options: str) -> AsyncGenerator[Browser]:
    """The system's own, without a window. Root has no sandbox of its own user: --no-sandbox."""
    found = next(path for path in map(shutil.which, NAMES) if path)
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else []), *options]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found, args=[*flags, *options, "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(kw_only=True)
class Visitor:
    """One browser window of one person, with every complaint of its pages written down."""

    page: Page
    complaints: list[str] = field(default_factory=list[str])

    def watch(self) -> None:
        """Console, script errors, requests that failed, and violations of the policy: Chromium logs those too."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("requestfailed", self._failed)

    def _said(self, message: ConsoleMessage) -> None:
        # A page whose status is a refusal is what the story wants there; anything else that is said is not.
        if not _REFUSED.match(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        self.complaints.append(f"failed: {request.method} {request.url.partition('?')[0]}: {request.failure}")

    async def sign_in(self, user: str, password: str) -> None:
        """Fill in the page in front, by its labels."""
        await self.page.get_by_label("Name").fill(user)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def scopes(self) -> list[str]:
        """The scopes that this page asks for, in its order."""
        boxes = await self.page.get_by_role("checkbox").all()
        return [(await box.get_attribute("name") or "").removeprefix("scope:") for box in boxes]

    async def strike(self, *scopes: str) -> None:
        """Take the tick away from these."""
        for scope in scopes:
            await self.page.locator(f'input[name="scope:{scope}"]').uncheck()

    async def decide(self, answer: str) -> None:
        """Allow, or Deny; until the client's own page is there."""
        await self.page.get_by_role("button", name=answer, exact=True).click()
        await self.page.wait_for_url(lambda url: "/consent" not in url)

    async def sees(self, title: str) -> None:
        """Wait until the page in front has this title."""
        await expect(self.page).to_have_title(title, timeout=60_000)


@asynccontextmanager
async def visitor(browser: Browser, *, scripts: bool = True) -> AsyncGenerator[Visitor]:
    """A person with a fresh browser: no cookie, nothing kept."""
    context: BrowserContext = await browser.new_context(java_script_enabled=scripts, locale="en-GB")
    context.set_default_timeout(60_000)
    try:
        found = Visitor(page=await context.new_page())
        found.watch()
        yield found
    finally:
        await context.close()
