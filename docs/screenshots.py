"""The picture of a report that the README shows, taken from a real one.

Usage: python docs/screenshots.py REPORT.html docs/images/report.png
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 1000  # as narrow as the table of checks stays a table: the README shows it at about this size
COLOURS = 64  # a page of text has few: a quarter of the bytes
LARGEST_BYTES = 250_000


def main(report: Path, picture: Path) -> None:
    """Writes the page down to its table of checks, in light. Leaves with a message where there is no browser, or the file is large."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        raise SystemExit(f"needs Chromium: none of {', '.join(BROWSERS)} on PATH; on Debian: apt-get install chromium")
    picture.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, color_scheme="light", device_scale_factor=2)
        page.goto(report.resolve().as_uri())
        end = page.locator("#checks").evaluate("(section) => section.getBoundingClientRect().bottom")
        taken = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": end})
        browser.close()
    with Image.open(BytesIO(taken)) as image:
        image.convert("RGB").quantize(COLOURS).save(picture, optimize=True)
    if (size := picture.stat().st_size) > LARGEST_BYTES:
        raise SystemExit(f"{picture} has {size:,} bytes, over {LARGEST_BYTES:,}: the repository is no place for large pictures")
    sys.stdout.write(f"{picture}: {size:,} bytes\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
