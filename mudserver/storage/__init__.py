"""
Storage: PostgreSQL, embedded or elsewhere, the connections to it, its schema and the stores.

Everything above speaks to the stores through the ports in `mudserver.interfaces`.
"""
