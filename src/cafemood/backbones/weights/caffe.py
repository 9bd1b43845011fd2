"""Read a `.caffemodel` without Caffe: the few fields of the protobuf wire format that hold weights.

Fields: https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto (NetParameter, LayerParameter,
V1LayerParameter, BlobProto, BlobShape); wire format: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cafemood.core.reasons import Flaw, reason_of
from cafemood.errors import WeightsError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NET_LAYERS_V1, _NET_LAYER = 2, 100
_NAME, _TYPE, _BLOBS = {_NET_LAYER: 1, _NET_LAYERS_V1: 4}, {_NET_LAYER: 2, _NET_LAYERS_V1: 5}, {100: 7, 2: 6}
_LEGACY_SHAPE, _DATA, _SHAPE, _DOUBLE_DATA = (1, 2, 3, 4), 5, 7, 8
_MOST_LAYERS, _MOST_BLOBS, _MOST_AXES = 4096, 16, 32  # far above any network; a hostile file can hold millions


@dataclass(frozen=True)
class CaffeLayer:
    """A layer and its weights.

    Attributes:
        name: As in the network's definition, such as `conv1_1`.
        kind: `Convolution`, …; of old (V1) files `V1:` and the number of the enum.
        blobs: Weight and bias, float32; maps of the file, valid as long as they are referenced.
    """

    name: str
    kind: str
    blobs: tuple[np.ndarray, ...]


def read_caffemodel(path: Path) -> list[CaffeLayer]:
    """Read the layers that hold weights, in the file's order.

    The file is mapped, not loaded; weights stored as packed floats, as Caffe writes them, are not copied.

    Raises:
        WeightsError: It is cut off, damaged, no Caffe file, or older than the formats that are read (V0).
    """
    try:
        with open(path, "rb") as stream:
            data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        layers: list[CaffeLayer] = []
        for field, _, value in _fields(data):
            if field in _NAME and isinstance(value, memoryview):
                layer = _layer(value, field)
                if layer.blobs:
                    layers.append(layer)
                if len(layers) > _MOST_LAYERS:
                    raise Flaw(f"over {_MOST_LAYERS} layers")
        if not layers:
            raise Flaw("it holds no layer with weights")
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise WeightsError(
            "The Caffe weight file cannot be read",
            where=path,
            why=reason_of(error, path, "it is empty, damaged or cut off"),
            fix="delete it and let it be fetched again, or give the right file",
        ) from None
    return layers


def _layer(data: memoryview, version: int) -> CaffeLayer:
    name, kind, blobs = "", "", list[np.ndarray]()
    for field, _, value in _fields(data):
        if field == _NAME[version] and isinstance(value, memoryview):
            name = str(value[:1024], "utf-8")
        elif field == _TYPE[version]:
            kind = str(value[:1024], "utf-8") if isinstance(value, memoryview) else f"V1:{value}"
        elif field == _BLOBS[version] and isinstance(value, memoryview):
            blobs.append(_blob(value))
            if len(blobs) > _MOST_BLOBS:
                raise Flaw(f"layer {name!r} has over {_MOST_BLOBS} blobs")
        elif version == _NET_LAYERS_V1 and field == 1 and isinstance(value, memoryview):
            raise Flaw("its layers are of the V0 format; upgrade it with Caffe's upgrade_net_proto_binary")
    return CaffeLayer(name, kind, tuple(blobs))


def _blob(data: memoryview) -> np.ndarray:
    legacy: dict[int, int] = {}
    shape: list[int] | None = None
    numbers = {_DATA: _Numbers("<f4"), _DOUBLE_DATA: _Numbers("<f8")}
    for field, wire, value in _fields(data):
        if field in _LEGACY_SHAPE and isinstance(value, int):
            legacy[field] = value
        elif field == _SHAPE and isinstance(value, memoryview):
            shape = _dims(value)
        elif field in numbers:
            numbers[field].add(wire, value)
    single, double = (number.values() for number in numbers.values())
    values = double if len(double) else single
    if shape is None:
        shape = [legacy.get(field, 1) for field in _LEGACY_SHAPE] if legacy else [len(values)]
    if math.prod(shape) != len(values):
        raise Flaw(f"a blob of shape {tuple(shape)} holds {len(values)} numbers")
    return values.reshape(shape).astype(np.float32, copy=False)


class _Numbers:
    """The floats of a blob, packed in one field, or in several, or one a field."""

    COPIED_BELOW = 65536  # small pieces are gathered, so that millions of them cost no more than their bytes

    def __init__(self, kind: str) -> None:
        self.kind, self.width = kind, np.dtype(kind).itemsize
        self.parts: list[memoryview | bytearray] = []

    def add(self, wire: int, value: int | memoryview) -> None:
        if isinstance(value, int):
            if wire != (_FIXED32 if self.width == 4 else _FIXED64):
                raise Flaw("a blob's numbers are not floats")
            value = memoryview(value.to_bytes(self.width, "little"))
        if len(value) % self.width:
            raise Flaw("a blob's numbers are cut off")
        if len(value) >= self.COPIED_BELOW:
            self.parts.append(value)
        elif self.parts and isinstance(self.parts[-1], bytearray):
            self.parts[-1] += value
        else:
            self.parts.append(bytearray(value))

    def values(self) -> np.ndarray:
        arrays = [np.frombuffer(part, self.kind) for part in self.parts]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays) if arrays else np.zeros(0, self.kind)


def _dims(data: memoryview) -> list[int]:
    dims: list[int] = []
    for field, _, value in _fields(data):
        if field == 1 and isinstance(value, int):
            dims.append(value)
        elif field == 1 and isinstance(value, memoryview):
            at = 0
            while at < len(value) and len(dims) <= _MOST_AXES:
                number, at = _varint(value, at)
                dims.append(number)
        if len(dims) > _MOST_AXES:
            raise Flaw(f"a blob has over {_MOST_AXES} axes")
    return dims


def _fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """The fields of a message: number, wire type, value; never past the message's end."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield field, wire, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise Flaw(f"no Caffe file: byte {at} starts a field of unknown kind {wire}")
        if field == 0 or length > end - at:
            raise Flaw("it is cut off, or no Caffe file: a field ends behind the file's end")
        piece = data[at : at + length]
        yield field, wire, piece if wire == _BYTES else int.from_bytes(piece, "little")
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
    raise Flaw("it is cut off, or no Caffe file: a number has no end")
