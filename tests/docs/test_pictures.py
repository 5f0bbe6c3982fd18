"""The pictures of the documentation: all there, all shown, all told in words, all small."""

import re
from pathlib import Path

from PIL import Image

FOLDER = Path("docs/pictures")
SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
SHOWN_PICTURES = [
    (page, words, page.parent / target)
    for page in (Path("README.md"), *sorted(Path("docs").glob("*.md")))
    for words, target in SHOWN.findall(page.read_text(encoding="utf-8"))
]


def test_every_picture_is_shown_and_every_shown_picture_is_there() -> None:
    assert SHOWN_PICTURES
    assert {picture for _, _, picture in SHOWN_PICTURES} == set(FOLDER.iterdir())


def test_every_picture_is_told_in_words() -> None:
    for page, words, picture in SHOWN_PICTURES:
        assert len(words.split()) >= 8, (page, picture)


def test_pictures_are_small_and_sharp() -> None:
    for picture in FOLDER.iterdir():
        assert picture.stat().st_size <= 200_000, picture
        with Image.open(picture) as image:
            assert image.format == "PNG"
            assert image.width >= 2 * 390, picture
    assert sum(picture.stat().st_size for picture in FOLDER.iterdir()) <= 1_200_000
