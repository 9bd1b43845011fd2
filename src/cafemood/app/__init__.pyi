from .sweeps import CompareSweep as CompareSweep
