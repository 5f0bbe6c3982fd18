"""Looking at a page with the eyes of axe, at three widths, in light and in dark."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (390, 820, 1440)
SCHEMES = ("light", "dark")
_AXE = Axe()
_RUN = """axe.run({ resultTypes: ["violations"] }).then(report => ({
    passes: report.passes.length,
    violations: report.violations.map(found => [found.id, found.nodes.map(node => node.html)]),
}))"""


def assert_accessible(page: Page) -> None:
    """Axe finds nothing wrong, and nothing sticks out of the page."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_AXE.axe_script)
    report = page.evaluate(_RUN)
    assert report["violations"] == []
    assert report["passes"] > 10
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def assert_accessible_everywhere(page: Page) -> None:
    """The same at every width and in both schemes."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert_accessible(page)
