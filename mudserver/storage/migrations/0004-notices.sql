-- depends: 0003-moderation
--
-- Whoever changes what an account may do, a process of ours or an operator in psql, has it told to
-- all worlds when the change is committed.
--
-- Rolling upgrade: an older mudserver runs on, and what it changes is told, too; it doesn't listen.

-- The channel, and the column whose value is told. Equal notices of one transaction are one.
CREATE FUNCTION sound() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
    PERFORM pg_notify(TG_ARGV[0], to_jsonb(coalesce(NEW, OLD)) ->> TG_ARGV[1]);
    RETURN NULL;
END
';

COMMENT ON FUNCTION sound() IS
    'Tells of a row that was changed: arguments are the channel, and the column that is told.';

CREATE TRIGGER token_revoked AFTER UPDATE OF revoked_at ON token FOR EACH ROW
    WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at)
    EXECUTE FUNCTION sound('mudserver_account', 'account');

-- Those that have expired are swept out all the time, of which nobody needs to hear.
CREATE TRIGGER token_deleted AFTER DELETE ON token FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND OLD.expires > now())
    EXECUTE FUNCTION sound('mudserver_account', 'account');

CREATE TRIGGER account_changed AFTER UPDATE OF role, disabled ON account FOR EACH ROW
    WHEN ((OLD.role, OLD.disabled) IS DISTINCT FROM (NEW.role, NEW.disabled))
    EXECUTE FUNCTION sound('mudserver_account', 'id');
