"""cafemood: group café photos by atmosphere, and say how far each grouping can be trusted."""

import os
import sys

import lazy_loader

# GNU's OpenMP lets threads that wait spin for milliseconds: two threads of torch beside one other busy program took
# 5 to 18 times as long. After 10,000 turns they sleep; on an idle machine that costs 7 %. It reads this once, when
# torch is first imported. https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# In a log file a progress bar is a line an update: one in ten seconds will do. tqdm reads this when it is imported.
if not (sys.stderr and sys.stderr.isatty()):
    os.environ.setdefault("TQDM_MININTERVAL", "10")

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
