from .backbone import Backbone as Backbone
from .precomputed import Precomputed as Precomputed
from .precomputed import rows_as_features as rows_as_features
from .registry import create_backbone as create_backbone
from .registry import list_backbones as list_backbones
