"""
Stores in memory, for tests and for worlds that need not last.

They pass the same contract suite as the stores in PostgreSQL (``tests/contract/stores.py``), and
refuse with the same codes and constraints.
"""

from mudserver.storage.memory_accounts import MemoryAccountStore
from mudserver.storage.memory_database import MemoryDatabase
from mudserver.storage.memory_world import MemoryWorldStore

__all__ = ["MemoryAccountStore", "MemoryDatabase", "MemoryWorldStore"]
