"""Comparing an answer with a published example: every documented key, of the documented type."""

from typing import Any

Path = str


def mismatches(example: Any, body: Any, place: Path = "$") -> list[str]:
    """Where `body` lacks a key of `example` or has a value of another JSON type there.

    A null in the example stands for a value that may be anything; more keys are welcome. Every
    item of a list must look like the example's first.
    """
    if example is None:
        return []
    if isinstance(example, dict):
        return _object_mismatches(example, body, place)
    if isinstance(example, list):
        return _list_mismatches(example, body, place)
    same = _kind(example) == _kind(body)
    return [] if same else [f"{place}: {_kind(body)} instead of {_kind(example)}"]


def _object_mismatches(example: dict[str, Any], body: Any, place: Path) -> list[str]:
    if not isinstance(body, dict):
        return [f"{place}: {_kind(body)} instead of object"]
    found = [f"{place}.{key}: missing" for key in example if key not in body]
    for key in example.keys() & body.keys():
        found += mismatches(example[key], body[key], f"{place}.{key}")
    return found


def _list_mismatches(example: list[Any], body: Any, place: Path) -> list[str]:
    if not isinstance(body, list):
        return [f"{place}: {_kind(body)} instead of list"]
    if not example:
        return []
    return [
        mismatch
        for index, item in enumerate(body)
        for mismatch in mismatches(example[0], item, f"{place}[{index}]")
    ]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {int: "number", float: "number", str: "string", dict: "object", list: "list"}
    return kinds.get(type(value), "null")
