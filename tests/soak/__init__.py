"""Many players for minutes, from one process, against a daemon and a database in their own."""
