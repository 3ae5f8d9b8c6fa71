"""The journal and the batch loader, beside psycopg2 on the same server in the same run."""
