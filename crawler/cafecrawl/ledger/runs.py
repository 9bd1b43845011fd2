"""The table of crawls."""

from __future__ import annotations

import json
from typing import Any

from cafecrawl.ledger.database import Database


class RunsTable(Database):
    """Crawls that used the folder: when, with which arguments, how they ended."""

    def start_run(
        self, source: str, started_at: str, arguments: dict[str, Any], agent: str, permission: tuple[str, str] | None
    ) -> int:
        """Note that a crawl begins; `permission` is the file's path and SHA-256."""
        path, digest = permission or (None, None)
        with self.transaction() as db:
            inserted = db.execute(
                "INSERT INTO runs (source, started_at, arguments, agent, permission_file, permission_sha256) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (source, started_at, json.dumps(arguments, ensure_ascii=False), agent, path, digest),
            )
            return int(inserted.lastrowid or 0)

    def end_run(self, run: int, ended_at: str, exit_code: int, message: str) -> None:
        """Note how a crawl ended."""
        with self.transaction() as db:
            db.execute(
                "UPDATE runs SET ended_at = ?, exit_code = ?, message = ? WHERE id = ?",
                (ended_at, exit_code, message, run),
            )
