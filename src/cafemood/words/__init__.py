"""Words for photos: a vocabulary, texts as vectors, scores against what unrelated texts score, names of groups."""
