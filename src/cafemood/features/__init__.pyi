from .cache import Features as Features
from .photo_embedding import Embedding as Embedding
from .photo_embedding import embed as embed
from .photo_features import PhotoDataModule as PhotoDataModule
from .ray_trainer import RayTrainer as RayTrainer
