"""The tables of requests and holds: daily quotas, and how long each host wants to be left alone."""

from __future__ import annotations

from cafecrawl.ledger.database import Database

DAY = 24 * 3600.0
LONGEST = 30 * DAY
"""What a `Retry-After` can ask for at most: more is a slip (milliseconds, a year too many)."""


class LimitsTable(Database):
    """Requests of the last days, and the silences that hosts asked for."""

    def used_today(self, source: str, now: float) -> tuple[int, float]:
        """Requests of the last 24 hours, and the time of the oldest of them.

        Requests dated in the future (the clock was set back) count too: a quota never grows by a clock.
        """
        row = self.rows(
            "SELECT count(*) AS n, min(at) AS first FROM requests WHERE source = ? AND at > ?", source, now - DAY
        )[0]
        return row["n"], min(row["first"] or now, now)

    def count_request(self, source: str, now: float) -> None:
        """Note a request against the quota, before it is sent."""
        with self.transaction() as db:
            db.execute("INSERT INTO requests VALUES (?, ?)", (source, now))
            db.execute("DELETE FROM requests WHERE at < ?", (now - 2 * DAY,))

    def hold(self, host: str, now: float, seconds: float) -> None:
        """A host asked to be left alone for some seconds; what ends later holds."""
        with self.transaction() as db:
            if seconds > self.held(host, now):
                db.execute("INSERT OR REPLACE INTO holds VALUES (?, ?, ?)", (host, now, seconds))

    def held(self, host: str, now: float) -> float:
        """Seconds a host is still to be left alone, `LONGEST` at most; a clock that was set back starts it anew."""
        rows = self.rows("SELECT set_at, seconds FROM holds WHERE host = ?", host)
        if not rows:
            return 0.0
        passed = max(now - rows[0]["set_at"], 0.0)
        return max(min(rows[0]["seconds"], LONGEST) - passed, 0.0)
