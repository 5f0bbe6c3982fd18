from pathlib import Path

import pytest

from veravox.errors import InvalidManifest
from veravox.evaluation.manifest import COLUMNS, Recording, read_manifest

HEADER = ",".join(COLUMNS)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return tmp_path / "manifest.csv"


def test_rows_are_read_in_order(manifest: Path) -> None:
    manifest.write_text(
        f"{HEADER}\n"
        "b.wav,spoof,VALL-E,codec language model,demo,anna,en,clean\n"
        '"a, again.wav",bonafide,,,demo,,,\n'
    )
    assert read_manifest(manifest) == [
        Recording(
            "b.wav", "spoof", "VALL-E", "codec language model", "demo", "anna", "en", "clean"
        ),
        Recording("a, again.wav", "bonafide", "", "", "demo", "", "", ""),
    ]


def test_a_byte_order_mark_other_columns_and_their_order_do_not_matter(manifest: Path) -> None:
    columns = [*reversed(COLUMNS), "notes"]
    manifest.write_text(
        "\ufeff" + ",".join(columns) + "\nclean,en,,s,,,spoof,a.wav,hm\n", encoding="utf-8"
    )
    assert read_manifest(manifest)[0].path == "a.wav"
    assert read_manifest(manifest)[0].spoof


def test_missing_columns_are_all_named(manifest: Path) -> None:
    manifest.write_text("path,label,system,family,source,language\na.wav,spoof,,,,\n")
    with pytest.raises(
        InvalidManifest, match=r"^manifest\.csv: missing columns: speaker, condition$"
    ):
        read_manifest(manifest)


@pytest.mark.parametrize("label", ["fake", "Spoof", ""])
def test_another_label_is_named_with_its_line(manifest: Path, label: str) -> None:
    manifest.write_text(f"{HEADER}\na.wav,spoof,,,,,,\nb.wav,{label},,,,,,\n")
    with pytest.raises(InvalidManifest, match=rf"line 3: the label is '{label}'"):
        read_manifest(manifest)


@pytest.mark.parametrize("row", ["a.wav,spoof", "a.wav,spoof,,,,,,,"])
def test_a_row_of_the_wrong_length_is_named_by_its_line(manifest: Path, row: str) -> None:
    manifest.write_text(f"{HEADER}\n{row}\n")
    with pytest.raises(InvalidManifest, match="line 2: not as many fields"):
        read_manifest(manifest)


def test_a_blank_path_is_named_by_its_line(manifest: Path) -> None:
    manifest.write_text(f"{HEADER}\n ,spoof,,,,,,\n")
    with pytest.raises(InvalidManifest, match="line 2: the path is blank"):
        read_manifest(manifest)


def test_a_manifest_without_rows_is_refused(manifest: Path) -> None:
    manifest.write_text(f"{HEADER}\n")
    with pytest.raises(InvalidManifest, match="no recordings"):
        read_manifest(manifest)


def test_an_empty_file_is_refused(manifest: Path) -> None:
    manifest.write_text("")
    with pytest.raises(InvalidManifest, match="missing columns: path"):
        read_manifest(manifest)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", f'{HEADER}\n"a.wav'.encode()])
def test_bytes_that_are_no_csv_are_refused(manifest: Path, content: bytes) -> None:
    manifest.write_bytes(content)
    with pytest.raises(InvalidManifest, match="not a readable CSV file"):
        read_manifest(manifest)


def test_a_manifest_that_is_not_there_is_refused(manifest: Path) -> None:
    with pytest.raises(InvalidManifest, match="not a readable CSV file"):
        read_manifest(manifest)
