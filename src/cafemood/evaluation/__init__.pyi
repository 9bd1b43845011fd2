from .assessment import Evaluation as Evaluation
from .evaluating import evaluate as evaluate
from .findings import Finding as Finding
from .resampling import stability as stability
from .score_table import SCORES as SCORES
from .selection import choose_k as choose_k
