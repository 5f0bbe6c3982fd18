"""The site is built without a warning and needs nothing from elsewhere."""

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}

pytest.importorskip("material")


class Loaded(HTMLParser):
    """What a browser would fetch for a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get(LOADED.get(tag, ""))
        if target:
            self.targets.append(target)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


def test_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert pages
    for page in pages:
        targets = Loaded(page.read_text(encoding="utf-8")).targets
        assert not [t for t in targets if t.startswith(("http:", "https:", "//"))], page
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert "url(http" not in text
        assert "@import" not in text


def test_every_page_is_in_the_navigation() -> None:
    navigation = yaml.safe_load(Path("mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert set(_pages(navigation)) == {page.name for page in Path("docs").glob("*.md")}


def _pages(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from _pages(item)
    elif isinstance(node, dict):
        for item in node.values():
            yield from _pages(item)
