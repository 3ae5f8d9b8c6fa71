"""What is asked of PostgreSQL about accounts, tokens and tickets."""

from typing import Final

# ---------------------------------------------------------------- accounts

# The three rows refer to one another. One statement makes them all, and foreign keys are checked at
# its end.
REGISTER: Final = """
    WITH made AS (
        INSERT INTO account (name, password_hash) VALUES (%s, %s)
        RETURNING id, name, key, password_hash, role, disabled, created
    ), named AS (
        INSERT INTO name (key, account) SELECT key, id FROM made
    ), first AS (
        INSERT INTO character (account, name) SELECT id, name FROM made RETURNING name
    )
    SELECT m.id, m.name, m.password_hash, m.role, m.disabled, m.created, ARRAY[f.name]
    FROM made m, first f
"""

BY_NAME: Final = """
    SELECT a.key, a.id, a.name, a.password_hash, a.role, a.disabled, a.created,
        ARRAY(SELECT c.name FROM character c WHERE c.account = a.id ORDER BY c.created, c.id)
    FROM account a WHERE a.key = ANY(%s)
"""

BY_ID: Final = """
    SELECT a.id, a.name, a.password_hash, a.role, a.disabled, a.created,
        ARRAY(SELECT c.name FROM character c WHERE c.account = a.id ORDER BY c.created, c.id)
    FROM account a WHERE a.id = ANY(%s)
"""

PAGE: Final = """
    SELECT a.id, a.name, a.password_hash, a.role, a.disabled, a.created,
        ARRAY(SELECT c.name FROM character c WHERE c.account = a.id ORDER BY c.created, c.id)
    FROM account a WHERE a.key > %s ORDER BY a.key LIMIT %s
"""

SET_HASH: Final = "UPDATE account SET password_hash = %s WHERE id = %s"

REHASH: Final = "UPDATE account SET password_hash = %s WHERE id = %s AND password_hash = %s"

SET_DISABLED: Final = "UPDATE account SET disabled = %s WHERE id = %s"

SET_ROLE: Final = "UPDATE account SET role = %s WHERE id = %s"

# ---------------------------------------------------------------- tokens and tickets

# What others are sweeping already is skipped, not waited for; here and below.
GRANT: Final = """
    WITH given AS (
        SELECT * FROM unnest(
            %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[],
            %s::boolean[], %s::timestamptz[]
        ) WITH ORDINALITY AS v (hash, csrf_hash, account, created, expires, revoked, oldest, place)
    ), swept AS (
        DELETE FROM token WHERE hash IN (
            SELECT old.hash FROM given g, LATERAL (
                SELECT t.hash FROM token t WHERE t.account = g.account AND t.expires < g.oldest
                ORDER BY t.expires LIMIT %s FOR UPDATE SKIP LOCKED) old)
    )
    INSERT INTO token (hash, csrf_hash, account, created, expires, revoked_at)
    SELECT hash, csrf_hash, account, created, expires, CASE WHEN revoked THEN now() END
    FROM given ORDER BY place
"""

FIND_TOKENS: Final = """
    SELECT hash, csrf_hash, account, created, expires, revoked_at IS NOT NULL
    FROM token WHERE hash = ANY(%s)
"""

STANDINGS: Final = """
    SELECT a.id, a.role, a.disabled,
        ARRAY(
            SELECT t.hash FROM token t WHERE t.account = a.id AND t.revoked_at > now() - %s
            ORDER BY t.revoked_at DESC LIMIT %s)
    FROM account a WHERE a.id = ANY(%s)
"""

# Rows are locked in the order of their keys, so that two who write several can't wait for each
# other; here and below.
EXTEND: Final = """
    WITH locked AS (
        SELECT hash FROM token WHERE hash = ANY(%s::text[]) ORDER BY hash FOR NO KEY UPDATE
    )
    UPDATE token t SET expires = v.expires
    FROM unnest(%s::text[], %s::timestamptz[]) AS v (hash, expires) JOIN locked USING (hash)
    WHERE t.hash = v.hash
"""

REVOKE_ONE: Final = "UPDATE token SET revoked_at = now() WHERE hash = %s AND revoked_at IS NULL"

REVOKE_ALL: Final = """
    WITH revoked AS (
        UPDATE token t SET revoked_at = now()
        FROM (
            SELECT hash FROM token
            WHERE account = %s AND revoked_at IS NULL AND hash IS DISTINCT FROM %s
            ORDER BY hash FOR NO KEY UPDATE
        ) AS valid
        WHERE t.hash = valid.hash
        RETURNING t.hash
    )
    SELECT hash FROM revoked ORDER BY hash
"""

ISSUE: Final = """
    WITH swept AS (
        DELETE FROM ticket WHERE hash IN (
            SELECT hash FROM ticket WHERE expires < %s
            ORDER BY expires LIMIT %s FOR UPDATE SKIP LOCKED)
    )
    INSERT INTO ticket (hash, token, expires)
    SELECT hash, token, expires
    FROM unnest(%s::text[], %s::text[], %s::timestamptz[])
        WITH ORDINALITY AS v (hash, token, expires, place)
    ORDER BY place
"""

SPEND: Final = """
    WITH shown AS (
        SELECT hash FROM ticket WHERE hash = ANY(%s::text[]) ORDER BY hash FOR UPDATE
    ), spent AS (
        DELETE FROM ticket k USING shown WHERE k.hash = shown.hash
        RETURNING k.hash, k.token, k.expires
    )
    SELECT s.hash, s.expires,
        t.hash, t.csrf_hash, t.account, t.created, t.expires, t.revoked_at IS NOT NULL,
        a.id, a.name, a.password_hash, a.role, a.disabled, a.created,
        ARRAY(SELECT c.name FROM character c WHERE c.account = a.id ORDER BY c.created, c.id)
    FROM spent s JOIN token t ON t.hash = s.token JOIN account a ON a.id = t.account
"""

#: Columns of a token, as all queries here select them.
TOKEN_COLUMNS: Final = 6
