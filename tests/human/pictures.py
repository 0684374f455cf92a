"""Pictures of the pages: light, dark and narrow, kept where DACA_ARTIFACTS says (artifacts/human)."""

import os
from pathlib import Path

from playwright.async_api import Page

ROOT = Path(__file__).resolve().parents[2]
WIDE = {"width": 1000, "height": 760}
NARROW = {"width": 320, "height": 640}


def folder() -> Path:
    """Where they are kept."""
    chosen = Path(os.environ.get("DACA_ARTIFACTS") or ROOT / "artifacts") / "human"
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


async def picture(page: Page, name: str) -> None:
    """Three pictures of the page in front; it is left wide and light."""
    for look, size, scheme in (("narrow", NARROW, "light"), ("dark", WIDE, "dark"), ("light", WIDE, "light")):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.screenshot(path=folder() / f"{name}-{look}.png", full_page=True)
