-- depends: 0007-bans
--
-- Things that hold things. What is in a container is smaller than that, so that no thing is ever
-- in itself, and none is deeper than three containers.
--
-- Rolling upgrade: an older mudserver runs on. It shows a container as any other thing, and knows
-- nothing of what is in it; that stays where it is.

ALTER TABLE item
    ADD COLUMN size smallint NOT NULL DEFAULT 0 CHECK (size BETWEEN 0 AND 3),
    ADD COLUMN capacity smallint NOT NULL DEFAULT 0 CHECK (capacity BETWEEN 0 AND 50),
    ADD COLUMN lid boolean NOT NULL DEFAULT false,
    ADD COLUMN closed boolean NOT NULL DEFAULT false,
    ADD COLUMN container bigint,
    ADD COLUMN container_size smallint,
    ADD CONSTRAINT item_size_of UNIQUE (id, size),
    ADD CONSTRAINT item_container_fkey
        FOREIGN KEY (container, container_size) REFERENCES item (id, size) ON DELETE RESTRICT,
    ADD CONSTRAINT item_container_whole CHECK ((container IS NULL) = (container_size IS NULL)),
    ADD CONSTRAINT item_fits CHECK (size < container_size),
    ADD CONSTRAINT item_holds_by_size CHECK ((size = 0) = (capacity = 0)),
    ADD CONSTRAINT item_lid_of_container CHECK (capacity > 0 OR NOT lid),
    ADD CONSTRAINT item_closed_by_lid CHECK (lid OR NOT closed),
    DROP CONSTRAINT item_in_one_place,
    DROP CONSTRAINT item_fixed_in_room,
    ADD CONSTRAINT item_in_one_place CHECK (num_nonnulls(room, holder, container) = 1),
    ADD CONSTRAINT item_fixed_in_room CHECK (NOT fixed OR room IS NOT NULL);

CREATE INDEX item_container ON item (container, container_size);

COMMENT ON TABLE item IS
    'A thing. It lies in a room, is held by a character or is in a container: one of the three.';
COMMENT ON COLUMN item.size IS '0 for what holds nothing; only what is smaller goes into a container.';
COMMENT ON COLUMN item.capacity IS 'How many things it holds.';
COMMENT ON COLUMN item.lid IS 'It can be opened and closed.';
COMMENT ON COLUMN item.closed IS 'It is closed now.';
COMMENT ON COLUMN item.container IS 'The thing that it is in.';
COMMENT ON COLUMN item.container_size IS 'How large that is, for the constraint that it is larger.';
