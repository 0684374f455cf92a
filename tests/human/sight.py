"""What somebody sees, or hears read out, measured in a real browser: contrast, focus, width, names. WCAG 2.2."""

from dataclasses import dataclass
from typing import cast

from playwright.async_api import Page

TEXT = 4.5
LARGE_TEXT = 3.0
PART = 3.0
"""Borders, ticks and focus rings. WCAG 2.2 §1.4.11."""

# Colours as Chromium computes them, against the nearest background that is painted beneath.
_CONTRAST = """() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((one) => one / 255)
      .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const under = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor, alpha = parts(colour)[3];
      if (alpha === undefined || alpha === 1) return colour;
      if (alpha !== 0) throw new Error('half transparent: ' + at.tagName);
    }
    throw new Error('nothing beneath');
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
    if (!text) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    found.push({what: text, kind: large ? 'large' : 'text', ratio: ratio(style.color, under(element))});
  }
  for (const field of document.querySelectorAll('input:not([type=hidden]):not([type=checkbox]), button, fieldset')) {
    const beneath = under(field.parentElement), style = getComputedStyle(field);
    found.push({what: field.id || field.textContent.trim().slice(0, 20), kind: 'part',
      ratio: ratio(style.borderTopColor, beneath)});
  }
  for (const box of document.querySelectorAll('input[type=checkbox]'))
    found.push({what: box.name, kind: 'part',
      ratio: ratio(getComputedStyle(box).accentColor, under(box.parentElement))});
  const ring = document.activeElement;
  if (ring !== document.body)
    found.push({what: 'focus', kind: 'part',
      ratio: ratio(getComputedStyle(ring).outlineColor, under(ring.parentElement))});
  return found;
}"""
_FOCUSED = """async () => {
  await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  return {what: at === document.body ? '' : (at.name || '') + ' ' + at.textContent.trim(),
    ring: style.outlineStyle === 'solid' ? parseFloat(style.outlineWidth) : 0,
    seen: box.top >= 5 && box.bottom + 5 <= innerHeight && box.left >= 0 && box.right <= innerWidth};
}"""
_REACHABLE = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden])')]
  .map((one) => (one.name || '') + ' ' + one.textContent.trim())"""
_UNLABELLED = """() => [...document.querySelectorAll('input:not([type=hidden])')]
  .filter((one) => one.labels.length !== 1 || !one.labels[0].textContent.trim()).map((one) => one.name)"""
_SMALL = """() => [...document.querySelectorAll('button, input:not([type=hidden]), label.choice')]
  .filter((one) => !one.closest('label') || one.tagName === 'LABEL')
  .filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.textContent.trim() || one.name)"""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where the Tab key leads: to what, how thick its ring is, and whether it is in view."""

    what: str
    ring: float
    seen: bool


async def too_faint(page: Page) -> list[str]:
    """Whatever has too little contrast."""
    wanted = {"text": TEXT, "large": LARGE_TEXT, "part": PART}
    found = cast("list[dict[str, str | float]]", await page.evaluate(_CONTRAST))
    assert found
    return [f"{one['what']}: {one['ratio']:.2f}" for one in found if float(one["ratio"]) < wanted[str(one["kind"])]]


async def tab_stops(page: Page) -> list[Stop]:
    """Every stop of the Tab key, from the top of the page until it leaves it."""
    await page.evaluate("document.activeElement.blur()")
    await page.mouse.click(1, 1)
    stops: list[Stop] = []
    for _ in range(40):
        await page.keyboard.press("Tab")
        stop = Stop(**cast("dict[str, object]", await page.evaluate(_FOCUSED)))  # type: ignore[arg-type]  of JSON
        if not stop.what:
            break
        stops.append(stop)
    return stops


async def reachable(page: Page) -> list[str]:
    """Whatever can be used, in the order of the document."""
    return cast("list[str]", await page.evaluate(_REACHABLE))


async def unlabelled(page: Page) -> list[str]:
    """Inputs without exactly one label that says something."""
    return cast("list[str]", await page.evaluate(_UNLABELLED))


async def too_small(page: Page) -> list[str]:
    """Whatever is lower than 24 pixels to a finger. WCAG 2.2 §2.5.8."""
    return cast("list[str]", await page.evaluate(_SMALL))


async def sticks_out(page: Page) -> bool:
    """Whether the page must be scrolled sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth > innerWidth"))
