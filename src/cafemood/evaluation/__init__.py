"""How far a grouping can be trusted: scores, nulls, stability, selection, verdict."""
