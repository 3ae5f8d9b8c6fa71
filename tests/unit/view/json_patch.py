"""A plain JSON Patch (RFC 6902), as a client would apply it."""

from copy import deepcopy
from typing import Any


def apply_patch(document: Any, patch: list[dict[str, Any]]) -> Any:
    """Return the document as the patch makes it; strict about what the RFC says must exist."""
    document = deepcopy(document)
    for operation in patch:
        assert set(operation) <= {"op", "path", "value"}, operation
        *parents, last = operation["path"].lstrip("/").split("/")
        place = document
        for step in parents:
            place = place[int(step)] if isinstance(place, list) else place[step]
        match operation["op"], place:
            case "add", list():
                assert 0 <= int(last) <= len(place), operation
                place.insert(int(last), operation["value"])
            case "add", _:
                place[last] = operation["value"]
            case "remove", list():
                assert "value" not in operation
                del place[int(last)]
            case "remove", _:
                assert "value" not in operation
                del place[last]
            case "replace", list():
                assert 0 <= int(last) < len(place), operation
                place[int(last)] = operation["value"]
            case "replace", _:
                assert last in place, operation
                place[last] = operation["value"]
            case _:
                raise AssertionError(operation)
    return document
