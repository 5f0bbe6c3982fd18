"""Signed PDFs; they need the extra `pdf`."""

import io
from dataclasses import replace

import pytest

from tests.analysis_factory import make_analysis
from tests.report_factory import FACTS, KEY, make_prediction, make_report, rated_card
from veravox.errors import InvalidRequest
from veravox.reports.compose import compose
from veravox.reports.content import Report
from veravox.reports.envelope import signed, to_json
from veravox.reports.page import MOST_ROWS, page, shown
from veravox.reports.pdf import signed_pdf
from veravox.reports.verify import Outcome, check
from veravox.security import SigningKey

pdfium = pytest.importorskip("pypdfium2")
pytest.importorskip("typst")
pytest.importorskip("pyhanko")

HOSTILE = '#read("/etc/passwd") *x* \u202egpj.\u4f60\U0001f600 $<b>.wav'


@pytest.fixture(scope="module")
def content() -> bytes:
    return signed_pdf(signed(make_report(), KEY), KEY)


def text_of(content: bytes) -> str:
    document = pdfium.PdfDocument(io.BytesIO(content))
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def outcomes(content: bytes, *keys: SigningKey) -> dict[str, Outcome]:
    checked = check(content, [key.public for key in keys])
    return {finding.what: finding.outcome for finding in checked.findings}


def holds(content: bytes) -> bool:
    try:
        return set(outcomes(content, KEY).values()) == {Outcome.GOOD}
    except InvalidRequest:
        return False


def test_a_pdf_holds_up_under_its_key(content: bytes) -> None:
    assert set(outcomes(content, KEY).values()) == {Outcome.GOOD}


def test_a_pdf_tells_what_the_report_says(content: bytes) -> None:
    text = text_of(content)
    for part in ("The speech looks synthetic", "call.wav", "a" * 64, "Chain of custody", "key_1"):
        assert part in text


def test_a_pdf_is_tagged_for_screen_readers_and_the_archive(content: bytes) -> None:
    assert b"/MarkInfo" in content
    assert b"/StructTreeRoot" in content
    assert b"pdfuaid:part" in content
    assert b"pdfaid:conformance" in content


def test_a_pdf_carries_the_signed_json(content: bytes) -> None:
    checked = check(content, [KEY.public])
    assert checked.report == make_report()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_changed_byte_is_noticed(content: bytes, share: float) -> None:
    broken = bytearray(content)
    broken[round(share * len(content))] ^= 1
    assert not holds(bytes(broken))


def test_an_addition_is_noticed(content: bytes) -> None:
    assert outcomes(content + b"\n% more", KEY)["pdf"] is Outcome.BAD


def test_a_pdf_around_somebody_elses_report_is_noticed() -> None:
    foreign = signed_pdf(signed(make_report(), SigningKey(b"another")), KEY)
    assert outcomes(foreign, KEY)["pdf"] is Outcome.BAD


def test_hostile_names_and_tags_stay_text() -> None:
    prediction = make_prediction()
    analysis = prediction.completed
    facts = replace(FACTS, tags=((HOSTILE, HOSTILE),) * 16, streams=(HOSTILE,) * 16)
    media = replace(analysis.media, facts=facts)
    told = replace(prediction, analysis=replace(analysis, media=media), name=HOSTILE)
    report = signed(compose(told, "tenant-1", rated_card()), KEY)
    assert HOSTILE in to_json(report).decode().replace('\\"', '"')
    text = text_of(signed_pdf(report, KEY))
    assert 'read("/etc/passwd")' in text
    assert "<U+4F60><U+1F600>" in text


def test_what_the_fonts_lack_is_shown_by_its_number() -> None:
    assert shown("Grüße, Ελλάδα, Привет.wav") == "Grüße, Ελλάδα, Привет.wav"
    assert shown("\u4f60\u200f") == "<U+4F60><U+200F>"


def test_a_long_recording_has_the_most_suspicious_windows_in_its_table() -> None:
    llrs = [(-1) ** n * 0.001 * n - 2.0 for n in range(MOST_ROWS + 100)]
    report: Report = make_report(make_analysis(*llrs))
    (track,) = page(signed(report, KEY))["tracks"]
    assert len(track["rows"]) == MOST_ROWS
    assert track["left_out"] == 100
    assert track["grouped"]
    assert [int(row[0]) for row in track["rows"]] == sorted(int(row[0]) for row in track["rows"])
