"""The text files that come with releases: partitions, CelebA-HQ's numbers in CelebA, lists of names."""

import re
from pathlib import PurePosixPath

_PARTS = {"0": "train", "1": "val", "2": "test"}
_SUFFIX = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp|gif)$", re.IGNORECASE)


class ListError(ValueError):
    """A list that does not read as it should; the message names file, line, and what is expected."""


def partitions(text: str, name: str) -> dict[int, str]:
    """CelebA's list_eval_partition (`000001.jpg 0`, or as CSV with a header) -> the partition of each number."""
    parts = {}
    for line, fields in _lines(text.replace(",", " ")):
        if line == 1 and not fields[0][:1].isdigit():
            continue
        if len(fields) != 2 or fields[1] not in _PARTS or not stem(fields[0]).isdecimal():
            raise ListError(f"{name}, line {line}: {' '.join(fields)!r}; a name and 0, 1 or 2 are expected")
        parts[int(stem(fields[0]))] = _PARTS[fields[1]]
    return parts


def celeba_numbers(text: str, name: str) -> dict[int, int]:
    """CelebA-HQ's mapping (columns idx and orig_file) -> CelebA's number of each CelebA-HQ number."""
    lines = list(_lines(text))
    header = lines[0][1] if lines else []
    if "idx" not in header or "orig_file" not in header:
        raise ListError(f"{name}, line 1: {' '.join(header)!r}; a header with idx and orig_file is expected")
    own, celeba = header.index("idx"), header.index("orig_file")
    numbers = {}
    for line, fields in lines[1:]:
        if len(fields) <= max(own, celeba) or not (fields[own].isdecimal() and stem(fields[celeba]).isdecimal()):
            raise ListError(f"{name}, line {line}: {' '.join(fields)!r}; a number under idx, a file under orig_file")
        numbers[int(fields[own])] = int(stem(fields[celeba]))
    return numbers


def names(text: str, name: str) -> list[str]:
    """A list of photos, one name per line, perhaps with a number before it (`1 , 100032540_1`), in its order."""
    listed = [re.sub(r"^\d+\s*,\s*(?=\S)", "", line.strip()) for line in text.splitlines()]
    listed = [PurePosixPath(entry).name for entry in listed if entry]
    if not listed:
        raise ListError(f"{name} names no photo; one name per line is expected")
    return list(dict.fromkeys(listed))


def stem(name: str) -> str:
    """The name without an image's suffix, where it has one; Helen's names hold no dot, others may."""
    return _SUFFIX.sub("", name)


def _lines(text: str):
    for number, line in enumerate(text.splitlines(), 1):
        if line.split():
            yield number, line.split()
