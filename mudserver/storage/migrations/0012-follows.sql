-- depends: 0011-doors-and-routes
--
-- Who follows whom, until it is ended.
--
-- Rolling upgrade: the table is new, and an older mudserver runs on without it.

CREATE TABLE follow (
    follower bigint PRIMARY KEY REFERENCES character ON DELETE CASCADE,
    leader bigint NOT NULL REFERENCES character ON DELETE CASCADE,
    CONSTRAINT follow_another CHECK (follower <> leader)
);

CREATE INDEX follow_leader ON follow (leader);

COMMENT ON TABLE follow IS
    'One character goes wherever another one goes; it follows one at most. It lasts while they are away.';
