from .app import run as run
from .backbones import create_backbone as create_backbone
from .backbones import list_backbones as list_backbones
from .cafes import Cafes as Cafes
from .cafes import assign_photos as assign_photos
from .cafes import similar_cafes as similar_cafes
from .clustering import DEC as DEC
from .clustering import IDEC as IDEC
from .clustering import N2D as N2D
from .clustering import TEMI as TEMI
from .clustering import CafeReduction as CafeReduction
from .clustering import KMeans as KMeans
from .clustering import PCAReduction as PCAReduction
from .clustering import UMAPDensity as UMAPDensity
from .clustering import UMAPMixture as UMAPMixture
from .clustering import load as load
from .data import PhotoSet as PhotoSet
from .data import read_manifest as read_manifest
from .data import scan_folder as scan_folder
from .errors import CafemoodError as CafemoodError
from .evaluation import choose_k as choose_k
from .evaluation import evaluate as evaluate
from .evaluation import stability as stability
from .features import embed as embed
from .report import compare_runs as compare_runs
from .runs import load_run as load_run

__version__: str
