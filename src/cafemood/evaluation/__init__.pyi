from .assessment import Evaluation as Evaluation
from .choosing_k import choose_k as choose_k
from .evaluating import evaluate as evaluate
from .findings import Finding as Finding
from .resampling import stability as stability
from .score_table import SCORES as SCORES
