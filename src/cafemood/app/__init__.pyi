from .library import run as run
from .sweeps import CompareSweep as CompareSweep
