from .backbone import Backbone as Backbone
from .creating import create_backbone as create_backbone
from .precomputed import Precomputed as Precomputed
from .precomputed import rows_as_features as rows_as_features
from .registry import list_backbones as list_backbones
