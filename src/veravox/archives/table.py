"""The table of scores as an Apache Parquet file."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from veravox.archives.score import Score

ROWS_IN_GROUP = 10_000

Item = TypeVar("Item")

SEGMENT = pa.struct(
    [
        pa.field("start", pa.float64(), nullable=False),
        pa.field("end", pa.float64(), nullable=False),
        pa.field("spoof_llr", pa.float64()),
        pa.field("result", pa.string()),
        pa.field("reason", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("result", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("failed", pa.bool_(), nullable=False),
        pa.field("spoof_llr", pa.float64()),
        pa.field("spoof_probability", pa.float64()),
        pa.field("duration", pa.float64()),
        pa.field("speech", pa.float64()),
        pa.field("container", pa.string()),
        pa.field("codec", pa.string()),
        pa.field("segments", pa.list_(SEGMENT), nullable=False),
    ]
)


def write_table(path: Path, scores: Iterable[Score], parameters: Mapping[str, object]) -> None:
    """Write `scores` to `path`, whole or not at all.

    `parameters` go into the file's metadata, each as JSON. Raises OSError.
    """
    metadata = {f"veravox.{name}": json.dumps(value) for name, value in parameters.items()}
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        with pq.ParquetWriter(file, SCHEMA.with_metadata(metadata), compression="zstd") as writer:
            for batch in _batches(scores, ROWS_IN_GROUP):
                rows = [asdict(score) for score in batch]
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _make_durable(path.parent)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
