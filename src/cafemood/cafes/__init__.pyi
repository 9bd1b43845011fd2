from .assigning import assign_photos as assign_photos
from .profiles import Cafes as Cafes
from .similar import similar_cafes as similar_cafes
