from .run import Run as Run
from .run import clear_unfinished as clear_unfinished
from .run import load as load
from .run import load_run as load_run
from .run import read_tensors as read_tensors
from .run import why_unfinished as why_unfinished
from .writer import RunWriter as RunWriter
from .writer import distances_to_means as distances_to_means
