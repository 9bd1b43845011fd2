"""Read a foreign file in a process of its own, with limits on time, memory and output.

A reader in C may hang, crash or take all memory on a damaged file; its process is then ended, and this one goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np

from cafemood.core.reasons import Flaw, reason_of

SECONDS = 30.0
"""A file is read in this time and one second more for each 10 MiB."""
_MEMORY = 4 << 30
_PER_BYTE = 4


def read_apart(reader: str, path: Path, seconds: float | None = None) -> dict[str, np.ndarray]:
    """What a reader returns for a file.

    Args:
        reader: `package.module:function`, which takes the path and returns arrays by name.
        path: The file.
        seconds: The most it may take; None: by the file's size, see `SECONDS`.

    Raises:
        Flaw: The reader refuses the file, or it takes more time or memory than a whole one would.
        OSError: The file cannot be read.
    """
    from safetensors.numpy import load_file

    size = path.stat().st_size
    with open(path, "rb"):
        pass  # the system's reasons are told by this process
    limit = SECONDS + size / (10 << 20) if seconds is None else seconds
    with tempfile.TemporaryDirectory(prefix="cafemood-") as folder:
        out = Path(folder) / "out.safetensors"
        task = json.dumps(
            {"reader": reader, "path": os.fspath(path.absolute()), "out": str(out), "size": size, "cpu": int(limit) + 5}
        )
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OMP_NUM_THREADS": "1"}
        try:
            ended = subprocess.run(  # on Ctrl-C as on a timeout, `run` kills the child before it raises
                [sys.executable, "-m", "cafemood.core.child"],
                input=task.encode("utf-8", "surrogateescape"),
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Flaw(f"it could not be read in {limit:.0f} s, which a whole file of its size never needs") from None
        if ended.returncode == 0 and out.is_file():
            return load_file(out)
        said = ended.stdout.decode("utf-8", "replace").strip().splitlines()
        if said and said[-1].startswith("why: "):
            raise Flaw(said[-1].removeprefix("why: "))
        raise Flaw(f"its reader was ended by the system (status {ended.returncode}): it is damaged, or memory ran out")


def _limit(size: int, cpu: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: time alone is limited
        return
    limits = {
        resource.RLIMIT_AS: _MEMORY + _PER_BYTE * size,
        resource.RLIMIT_FSIZE: _PER_BYTE * size + (1 << 20),
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_CORE: 0,
    }
    for which, value in limits.items():
        with contextlib.suppress(ValueError, OSError):  # macOS has not each of them; a lower one may be set already
            resource.setrlimit(which, (value, value))


def _main() -> int:
    task = json.loads(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
    from safetensors.numpy import save_file

    module, function = task["reader"].split(":")
    read = getattr(import_module(module), function)
    _limit(task["size"], task["cpu"])
    try:
        arrays = read(Path(task["path"]))
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, task["out"])
    except Exception as error:  # whatever the reader raises for a damaged file goes back as one line
        sys.stdout.buffer.write(f"why: {reason_of(error, otherwise=_UNREADABLE)}\n".encode("utf-8", "replace"))
        return 1
    return 0


_UNREADABLE = "it is damaged or cut off, or no file of this kind"

if __name__ == "__main__":
    sys.exit(_main())
