"""The ledger: one SQLite file that alone says what was listed, fetched, rejected and used up; a file here a table.

A page of a list is one transaction: its cafés, its photos and the cursor's advance. A photo's rank and file
name are fixed when it is first listed, so they do not depend on what is fetched first or how often a crawl died.
"""

from cafecrawl.ledger.database import ledger_reason
from cafecrawl.ledger.limits import DAY, LONGEST, LimitsTable
from cafecrawl.ledger.lists import Listing, ListsTable
from cafecrawl.ledger.photos import PhotosTable
from cafecrawl.ledger.runs import RunsTable

__all__ = ["DAY", "LONGEST", "Ledger", "Listing", "ledger_reason"]


class Ledger(RunsTable, ListsTable, PhotosTable, LimitsTable):
    """An open ledger; its methods may be called from any thread."""
