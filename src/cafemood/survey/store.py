"""The answers of a served survey in SQLite: one transaction an answer, on disk before it is acknowledged."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cafemood.core.reasons import quoted, reason_of
from cafemood.errors import SurveyError
from cafemood.survey.question import Value
from cafemood.survey.study import Study

log = logging.getLogger(__name__)

DATABASE = "answers.sqlite"
TABLE = "answers.csv"
"""What `survey score` writes, with a row an answer."""

_TRACES = "traces"
"""In `meta`: somebody was deleted, and the file has not been written anew since."""

MOST_PEOPLE = 10_000
PATIENCE = 10.0
"""Seconds to wait while another program has the database locked."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS people (
  number INTEGER PRIMARY KEY AUTOINCREMENT, token_hash TEXT UNIQUE NOT NULL, gender TEXT NOT NULL,
  language TEXT NOT NULL, started TEXT NOT NULL, finished TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS answers (
  person INTEGER NOT NULL REFERENCES people(number) ON DELETE CASCADE, question TEXT NOT NULL, value TEXT NOT NULL,
  seconds REAL NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY (person, question)
) STRICT;
"""


class Refused(Exception):
    """A request that is not granted: an HTTP status, the reason, and after how many seconds it may be."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        self.status, self.reason, self.retry_after = status, reason, retry_after
        super().__init__(reason)


def why_not_kept(error: BaseException) -> str:
    """What SQLite says of a database that cannot be used, in our words where its code tells."""
    cause = (error.__cause__ if isinstance(error, Refused) else None) or error
    return reason_of(cause, otherwise=quoted(cause, "SQLite"))


class Store:
    """The database of one survey, opened by one server at a time.

    Raises:
        SurveyError: Another server has it open, it belongs to another survey, or it cannot be used.
    """

    def __init__(self, study: Study) -> None:
        self.study, self.path = study, study.folder / DATABASE
        self._guard = threading.Lock()
        self._lock = FileLock(str(self.path) + ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            why = "two servers would deal the same orders twice"
            fix = "stop the other one, or open its address"
            raise SurveyError("This survey is already being served", where=study.folder, why=why, fix=fix) from None
        except OSError as error:
            why = reason_of(error, study.folder)
            raise SurveyError("The survey's folder cannot be written", where=study.folder, why=why) from None
        try:
            self._connection = sqlite3.connect(
                self.path, check_same_thread=False, isolation_level=None, timeout=PATIENCE
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")  # a power cut loses nothing acknowledged
            self._connection.execute("PRAGMA foreign_keys=ON")
            self._connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten
            self._connection.execute("PRAGMA temp_store=MEMORY")  # and no copy is made beside the file
            self._connection.executescript(_SCHEMA)
            with self._transaction() as run:
                run("INSERT OR IGNORE INTO meta VALUES ('survey', ?)", study.id)
            check_owner(self._connection, study, self.path)
            self._clear_traces()  # of a server that was killed while it deleted
        except (sqlite3.Error, Refused) as error:
            self._lock.release()
            fix = "close the program that has it open, free some space, or move it away (keep it, if it holds answers)"
            raise SurveyError(
                "The database cannot be used", where=self.path, why=why_not_kept(error), fix=fix
            ) from None
        except SurveyError:
            self.close()
            raise

    def close(self) -> None:
        """Close the database and let another server open it."""
        with self._guard:
            self._connection.close()
        self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self._guard:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield lambda statement, *values: self._connection.execute(statement, values)
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise Refused(507, "the answer could not be stored") from error
                raise

    def start(self, gender: str, language: str) -> tuple[str, int]:
        """A new person; returns the token that proves who they are, and their number from 0."""
        token = secrets.token_urlsafe(24)
        with self._transaction() as run:
            if run("SELECT count(*) FROM people").fetchone()[0] >= MOST_PEOPLE:
                raise Refused(503, "the survey is full")
            row = run(
                "INSERT INTO people (token_hash, gender, language, started) VALUES (?, ?, ?, ?)",
                _digest(token),
                gender,
                language,
                _now(),
            )
            return token, int(row.lastrowid) - 1

    def answer(self, token: str, question: str, value: Value, seconds: float, revision: int) -> None:
        """Keep an answer; the same one again changes nothing, an older one is refused.

        Raises:
            Refused: The token, the question or the value is not good, or the person has finished.
        """
        with self._transaction() as run:
            person, finished = self._person(run, token)
            plan = {name for name, _ in self.study.plan(person - 1)}
            reason = self.study.refusal(question, value) if question in plan else "there is no such question"
            if reason:
                raise Refused(422, reason)
            known = run(
                "SELECT value, revision FROM answers WHERE person = ? AND question = ?", person, question
            ).fetchone()
            text = json.dumps(value)
            if known and known == (text, revision):
                return
            if finished:
                raise Refused(409, "this person has finished")
            if known and known[1] >= revision:
                raise Refused(409, "a later answer is known")
            run(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
                person,
                question,
                text,
                round(seconds, 1),
                revision,
            )

    def resume(self, token: str) -> tuple[int, bool, dict[str, dict[str, Any]]]:
        """A person's number from 0, whether they finished, and their answers."""
        with self._transaction() as run:
            person, finished = self._person(run, token)
            rows = run("SELECT question, value, seconds, revision FROM answers WHERE person = ?", person).fetchall()
        answers = {q: {"value": json.loads(v), "seconds": s, "revision": r} for q, v, s, r in rows}
        return person - 1, bool(finished), answers

    def finish(self, token: str) -> None:
        """No answer of this person changes any more: they reached the end, or stopped and left their answers."""
        with self._transaction() as run:
            person, finished = self._person(run, token)
            if not finished:
                run("UPDATE people SET finished = ? WHERE number = ?", _now(), person)

    def withdraw(self, token: str) -> None:
        """Delete a person and all their answers, from every file of the folder."""
        with self._transaction() as run:
            person, _ = self._person(run, token)
            run("DELETE FROM people WHERE number = ?", person)
            run("INSERT OR REPLACE INTO meta VALUES (?, '')", _TRACES)
        (self.path.parent / TABLE).unlink(missing_ok=True)  # `survey score` makes it anew, from who is left
        self._clear_traces()

    def _clear_traces(self) -> None:
        """Leave nothing of deleted people in free pages and in the write-ahead log.

        The log keeps what pages held before; pages keep what was moved when they were split. Where another program
        reads the database all the while, it is tried again at the next deletion, at a start, and at the end.
        """
        with self._guard:
            run = self._connection.execute
            try:
                if run("SELECT count(*) FROM meta WHERE name = ?", (_TRACES,)).fetchone()[0]:
                    run("VACUUM")
                    run("DELETE FROM meta WHERE name = ?", (_TRACES,))
                (busy, *_) = run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                busy, why = True, why_not_kept(error)
            else:
                why = "another program reads it"
        if busy:
            log.warning("What a deleted person left is not yet gone from %s-wal: %s", self.path, why)

    def counts(self) -> dict[str, int]:
        """People who began, people who finished (see `finish`), answers."""
        with self._transaction() as run:
            people, finished = run("SELECT count(*), count(finished) FROM people").fetchone()
            return {
                "people": people,
                "finished": finished,
                "answers": run("SELECT count(*) FROM answers").fetchone()[0],
            }

    @staticmethod
    def _person(run: Any, token: str) -> tuple[int, str | None]:
        row = run("SELECT number, finished FROM people WHERE token_hash = ?", _digest(token)).fetchone()
        if row is None:
            raise Refused(401, "nobody has this token")
        return int(row[0]), row[1]


def check_owner(connection: sqlite3.Connection, study: Study, path: Path) -> None:
    """Raise SurveyError unless the database holds answers of this survey."""
    owner = connection.execute("SELECT value FROM meta WHERE name = 'survey'").fetchone()
    if owner is None or owner[0] != study.id:
        why = f"it holds answers of survey {owner[0] if owner else '?'}, and this is {study.id}"
        fix = "move it back to the folder that it came from"
        raise SurveyError("The database is another survey's", where=path, why=why, fix=fix)


def read_people(study: Study) -> list[dict[str, Any]]:
    """Everybody in the database, with their answers; also while a server has it open. Empty without one.

    Raises:
        SurveyError: It is damaged, or another survey's.
    """
    path = study.folder / DATABASE
    if not path.exists():
        return []
    try:
        connection = sqlite3.connect(path, timeout=PATIENCE)
        try:
            check_owner(connection, study, path)
            people = connection.execute("SELECT number, gender, language, started, finished FROM people").fetchall()
            rows = connection.execute("SELECT person, question, value, seconds FROM answers").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        fix = "give the database as it was, with its -wal file beside it"
        raise SurveyError("The database cannot be read", where=path, why=why_not_kept(error), fix=fix) from None
    found = {
        number: {"person": f"s{number}", "plan": number - 1, "gender": gender, "language": language,
                 "started": started, "finished": finished is not None, "answers": {}}
        for number, gender, language, started, finished in people
    }  # fmt: skip
    for person, question, value, taken in rows:
        if person in found:
            found[person]["answers"][question] = {"value": json.loads(value), "seconds": taken}
    return list(found.values())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="minutes")
