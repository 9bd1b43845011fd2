from .selection import choose_k as choose_k
