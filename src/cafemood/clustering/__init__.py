"""Rows (n, d) to groups: k-means, DEC, IDEC, N2D, TEMI, and the spaces they work in. Knows no photos."""
