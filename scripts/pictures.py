"""Takes the pictures of docs/pictures: `python -m scripts.pictures GENUINE UNCLEAR`.

GENUINE is a recording of forty seconds of a person that the shipped model calls genuine, UNCLEAR
one about which it cannot tell. Needs Playwright and VERAVOX_TEST_BROWSER=/usr/bin/chromium.
"""

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from scripts.picture_sounds import GENUINE, SPLICED, SPOKEN, UNCLEAR, write_recordings
from tests.receiver import HOST, NETWORKS, Authority, Receiver, receiving, wait_until
from tests.web_factory import PASSWORD

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
VERAVOX = (sys.executable, "-m", "veravox")
LARGEST_BYTES = 200_000
COLOURS = (256, 128, 64, 48, 32)
GRAINY_COLOURS = 10
SHARPNESS = 2
DESK = {"width": 1080, "height": 682}
PHONE = {"width": 390, "height": 844}
WAIT_MS = 180_000
LIVE_WINDOWS = 4
Box = tuple[int, int, int, int]
FONT_FACE = re.compile(r"@font-face \{\{.*?\}\}\n", re.DOTALL)


def main() -> None:
    """Take all pictures anew."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir()
    with TemporaryDirectory(prefix="veravox-pictures-") as name:
        folder = Path(name)
        write_recordings(folder, Path(sys.argv[1]), Path(sys.argv[2]))
        authority = Authority(folder)
        with (
            receiving(authority) as receiver,
            serving(folder, authority) as welcome,
            signed_in(welcome, folder / SPOKEN, folder / GENUINE) as page,
        ):
            take_results(page, folder)
            take_live(page)
            take_voices(page, folder)
            take_webhooks(page, folder, receiver)
            take_lists(page)
            take_terminal(page, folder)


@contextmanager
def serving(folder: Path, authority: Authority) -> Iterator[str]:
    """What `veravox serve` prints on its first start, while it runs; its data is in `folder`."""
    log = folder / "server.log"
    environment = {
        "VERAVOX_WEBHOOK_HOSTS": HOST,
        "VERAVOX_WEBHOOK_NETWORKS": NETWORKS,
        "SSL_CERT_FILE": str(authority.file),
    }
    with log.open("wb") as target:
        process = subprocess.Popen(
            [*VERAVOX, "serve", "--port", "0", "--data-dir", str(folder / "data")],
            env=os.environ | environment,
            stderr=target,
        )
    try:
        wait_until(lambda: "startup complete" in log.read_text(), WAIT_MS / 1000)
        yield log.read_text()
    finally:
        process.terminate()
        process.wait()


@contextmanager
def signed_in(welcome: str, microphone: Path, anna: Path) -> Iterator[Page]:
    """A page of a browser that came in by the printed link; its microphone hears a file.

    Anna is enrolled from another one.
    """
    link = re.search(r"(http://[^/\s]+)/welcome#\S+", welcome)
    key = re.search(r"vvx_\w+_[\w-]+", welcome)
    if not link or not key:
        sys.exit(f"the server printed neither link nor key:\n{welcome}")
    arguments = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ["VERAVOX_TEST_BROWSER"], args=arguments
        )
        context = browser.new_context(
            base_url=link.group(1),
            permissions=["microphone"],
            viewport=DESK,
            device_scale_factor=SHARPNESS,
            reduced_motion="reduce",
            color_scheme="light",
        )
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.goto(link.group())
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_label("The same again").fill(PASSWORD)
        page.get_by_role("button", name="Save and go on").click()
        page.wait_for_url(f"{link.group(1)}/")
        enrol(link.group(1), key.group(), anna)
        yield page
        browser.close()


def enrol(url: str, key: str, recording: Path) -> None:
    """Enrol the person of a recording as Anna."""
    fields = {"user_id": "anna", "store": "true", "consent": "form 12"}
    with recording.open("rb") as media:
        httpx.post(
            f"{url}/v1/voiceid/enroll",
            headers={"X-Api-Key": key},
            files={"audio_file": media},
            data=fields,
            timeout=WAIT_MS / 1000,
        ).raise_for_status()


def take_results(page: Page, folder: Path) -> None:
    """The results of a recording that is called genuine, and of one that is so only in part."""
    analyse(page, folder / GENUINE, "Likely genuine")
    take(page, "result-genuine")
    analyse(page, folder / SPLICED, "Partly synthetic")
    page.locator(".segment.shade-9").first.hover()
    take(page, "result-partly-synthetic")
    page.emulate_media(color_scheme="dark")
    take(page, "result-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    page.wait_for_function("document.querySelector('[data-track]').offsetWidth < innerWidth")
    take(page, "result-phone")
    page.set_viewport_size(DESK)


def analyse(page: Page, recording: Path, verdict: str, webhook: str = "") -> None:
    """Choose a recording and wait for its result, which must be the one that is pictured."""
    page.goto("/")
    if webhook:
        page.get_by_text("Options").click()
        page.get_by_label("Tell this address").fill(webhook)
    page.locator("[data-files]").set_input_files(recording)
    page.wait_for_url("**/recordings/pred_*")
    page.locator("[data-spectrogram]").wait_for()
    found = page.locator("#verdict").inner_text()
    if found != verdict:
        sys.exit(f"{recording.name} is called {found!r} by this model; expected {verdict!r}")


def take_live(page: Page) -> None:
    """Listening to a microphone."""
    page.goto("/live")
    page.get_by_role("button", name="Start listening").click()
    page.locator(".segment").nth(LIVE_WINDOWS - 1).wait_for()
    page.wait_for_function("document.querySelector('[data-level]').value > 0.2")
    take(page, "live")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("link", name="See the whole result").wait_for()


def take_voices(page: Page, folder: Path) -> None:
    """A voice is enrolled; a synthetic recording that claims to be it is rejected."""
    page.goto("/voices")
    verify = page.locator("form[data-voice=verify]")
    verify.get_by_label("Recording", exact=True).set_input_files(folder / SPOKEN)
    verify.get_by_role("button", name="Verify").click()
    verify.get_by_text("Rate of false matches").wait_for()
    take(page, "voices", whole=True)


def take_webhooks(page: Page, folder: Path, receiver: Receiver) -> None:
    """One message that arrived, and one that is to be sent again."""
    analyse(page, folder / SPOKEN, "Likely synthetic", receiver.url())
    receiver.wait_for(1)
    receiver.status = 503
    analyse(page, folder / UNCLEAR, "No verdict", receiver.url())
    wait_until(lambda: page.goto("/webhooks") and page.get_by_text("1 attempt").count() == 2)
    for attempts in page.get_by_text("1 attempt").all():
        attempts.click()
    take(page, "webhooks", whole=True)


def take_lists(page: Page) -> None:
    """The start page, the history and the model."""
    for path, name in (("/", "start"), ("/recordings", "history"), ("/models", "model")):
        page.goto(path)
        take(page, name)


def take_terminal(page: Page, folder: Path) -> None:
    """What `veravox detect` draws in a terminal."""
    names = (SPLICED, UNCLEAR, GENUINE, SPOKEN)
    shown = subprocess.run(
        [*VERAVOX, "detect", *names],
        env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": "80"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    console = Console(record=True, width=80, file=io.StringIO())
    console.print("$ veravox detect *.wav", style="bold", highlight=False)
    console.print(Text.from_ansi(shown))
    page.goto("about:blank")
    page.set_content(
        console.export_svg(title="veravox", code_format=FONT_FACE.sub("", CONSOLE_SVG_FORMAT))
    )
    save(page.locator("svg").first.screenshot(), "terminal")


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """Picture what a window shows, or the whole page."""
    picture = page.screenshot(full_page=whole)
    spectrogram = page.locator("[data-spectrogram]")
    save(picture, name, spectrogram.bounding_box() if spectrogram.count() else None)


def save(picture: bytes, name: str, grainy: FloatRect | None = None) -> None:
    """Keep a picture with the most colours with which it is small enough.

    The grain of a spectrogram would fill the file: it is kept at 1x and has colours of its own.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    box = _coarsened(image, grainy) if grainy else None
    for colours in COLOURS:
        target = io.BytesIO()
        _reduced(image, colours, box).save(target, "PNG", optimize=True)
        if target.tell() <= LARGEST_BYTES:
            (PICTURES / f"{name}.png").write_bytes(target.getvalue())
            return
    sys.exit(f"{name} is too large")


def _coarsened(image: Image.Image, rectangle: FloatRect) -> Box:
    """Halve the resolution within a rectangle of CSS pixels; the box that was changed."""
    left, top = round(SHARPNESS * rectangle["x"]), round(SHARPNESS * rectangle["y"])
    right = min(image.width, left + round(SHARPNESS * rectangle["width"]))
    bottom = min(image.height, top + round(SHARPNESS * rectangle["height"]))
    box = (left, top, right, bottom)
    part = image.crop(box)
    image.paste(part.reduce(SHARPNESS).resize(part.size, Image.Resampling.NEAREST), box)
    return box


def _reduced(image: Image.Image, colours: int, box: Box | None) -> Image.Image:
    """The image with so many colours, of which a grainy box does not take the others' share."""
    if box is None:
        return image.quantize(colours, dither=Image.Dither.NONE)
    rest = image.copy()
    rest.paste((0, 0, 0), box)
    parts = [(rest, colours - GRAINY_COLOURS), (image.crop(box), GRAINY_COLOURS)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(
        [level for part, count in parts for level in part.quantize(count).getpalette()[: 3 * count]]
    )
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
