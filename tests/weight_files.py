"""Write weight files of the true formats from given arrays: Caffe's protobuf, Keras HDF5."""

import struct

import h5py
import numpy as np


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(field, payload):
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def blob(array, *, legacy=False, packed=True, double=False):
    """A BlobProto; `legacy` has num, channels, height, width instead of a shape."""
    array = np.asarray(array)
    field, kind, wire = (8, "<f8", 1) if double else (5, "<f4", 5)
    data = array.astype(kind).tobytes()
    if packed:
        numbers = message(field, data)
    else:
        size = np.dtype(kind).itemsize
        numbers = b"".join(varint(field << 3 | wire) + data[i : i + size] for i in range(0, len(data), size))
    if legacy:
        four = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(varint(i << 3) + varint(n) for i, n in enumerate(four, start=1))
    else:
        shape = message(7, message(1, b"".join(map(varint, array.shape))))
    return shape + numbers


def write_caffemodel(path, layers, *, version=2, **style):
    """Write `[(name, [array, …]), …]`; layers without arrays are written too, as Caffe does."""
    out = message(1, "이름".encode())  # NetParameter.name
    for name, arrays in layers:
        blobs = [blob(array, **style) for array in arrays]
        if version == 2:
            body = message(1, name.encode()) + message(2, b"Convolution") + message(3, b"bottom")
            out += message(100, body + b"".join(message(7, b) for b in blobs) + struct.pack("<Bf", 9 << 3 | 5, 1.0))
        else:
            body = message(2, b"bottom") + message(4, name.encode()) + varint(5 << 3) + varint(4)
            out += message(2, body + b"".join(message(6, b) for b in blobs))
    path.write_bytes(out)
    return path


def write_keras(path, tensors, *, nested=False):
    """Write weight, bias, weight, bias, … (PyTorch's layout, NumPy) as Keras does; fc1 reads H x W x C."""
    with h5py.File(path, "w") as stream:
        root = stream.create_group("model_weights") if nested else stream
        names, channels = [], 0
        for i, (kernel, bias) in enumerate(zip(tensors[::2], tensors[1::2], strict=True)):
            if kernel.ndim == 4:
                channels = kernel.shape[0]
                kernel = kernel.transpose(2, 3, 1, 0)
            elif channels:
                side = round((kernel.shape[1] / channels) ** 0.5)
                kernel = kernel.reshape(-1, channels, side, side).transpose(2, 3, 1, 0).reshape(-1, len(kernel))
                channels = 0
            else:
                kernel = kernel.T
            name = f"layer_{i:02}"
            group = root.create_group(name)
            group[f"{name}/kernel:0"], group[f"{name}/bias:0"] = kernel, bias
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            root.create_group(f"{name}_relu").attrs["weight_names"] = np.array([], dtype="S1")
            names += [name.encode(), f"{name}_relu".encode()]
        root.attrs["layer_names"] = names
    return path
