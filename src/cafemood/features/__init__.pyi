from .cache import Features as Features
from .embedding import embed as embed
from .photo_features import PhotoDataModule as PhotoDataModule
from .ray_trainer import RayTrainer as RayTrainer
