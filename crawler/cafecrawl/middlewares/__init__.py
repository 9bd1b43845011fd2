"""Downloader middlewares, one a file; `settings.DOWNLOADER_MIDDLEWARES` says in which order they stand."""
