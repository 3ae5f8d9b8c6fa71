-- depends: 0012-follows
--
-- No two players whose names read the same: in many fonts a capital I is a small l.
--
-- Rolling upgrade: an older mudserver runs on, and says of such a name that it is taken. Those that
-- are there already keep their names; of two that read the same, the older one holds what it reads.

-- So that nobody gets a name between the filling of the table and the triggers that fill it on.
LOCK TABLE account, character IN SHARE ROW EXCLUSIVE MODE;

CREATE FUNCTION look_of(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(name, 'ABCDEFGHIJKMNOPQRSTUVWXYZ', 'abcdefghljkmnopqrstuvwxyz')
$$;

COMMENT ON FUNCTION look_of IS
    'What a name reads: without case, but that a capital I is a small l, and a capital L stays.';

CREATE TABLE look (
    look text COLLATE "C" PRIMARY KEY,
    account bigint NOT NULL REFERENCES account ON DELETE CASCADE
);

CREATE INDEX look_account ON look (account);

COMMENT ON TABLE look IS
    'What the names of accounts and characters read, and the account that has it. Its other names '
    'may read the same, nobody else''s may.';
COMMENT ON COLUMN look.look IS 'As "look_of" makes it of a name.';

INSERT INTO look (look, account)
SELECT look_of(name), id FROM account ORDER BY created, id
ON CONFLICT (look) DO NOTHING;

INSERT INTO look (look, account)
SELECT look_of(name), account FROM character ORDER BY created, id
ON CONFLICT (look) DO NOTHING;

CREATE FUNCTION claim_look() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
BEGIN
    INSERT INTO look (look, account) VALUES (look_of(NEW.name), owner)
    ON CONFLICT (look) DO NOTHING;
    IF NOT EXISTS (SELECT FROM look l WHERE l.look = look_of(NEW.name) AND l.account = owner) THEN
        RAISE EXCEPTION 'another name reads the same as %', NEW.name
            USING ERRCODE = 'unique_violation', TABLE = 'look', CONSTRAINT = 'look_pkey';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER look_claimed AFTER INSERT OR UPDATE OF name ON account
    FOR EACH ROW EXECUTE FUNCTION claim_look('id');
CREATE TRIGGER look_claimed AFTER INSERT OR UPDATE OF name ON character
    FOR EACH ROW EXECUTE FUNCTION claim_look('account');
