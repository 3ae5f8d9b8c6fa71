-- depends: 0010-audit
--
-- Doors, each one row however many sides it has, so that it is never open on one side and closed on
-- the other; and the rooms among which inhabitants walk. Exits that are closed become doors.
--
-- Rolling upgrade: an older mudserver runs on. It has read its exits when it started, and neither
-- opens doors nor moves inhabitants.

CREATE TABLE door (
    id bigint PRIMARY KEY DEFAULT nextval('entity_id') CHECK (id > 0),
    closed boolean NOT NULL
);

COMMENT ON TABLE door IS 'What can be opened and closed, with the exits on both its sides.';

ALTER TABLE exit ADD COLUMN door bigint REFERENCES door;

CREATE INDEX exit_door ON exit (door);

COMMENT ON COLUMN exit.door IS 'Both sides of a door have the same; null for an open way.';

-- The two sides are in opposite directions, between the same two rooms.
WITH side AS (
    SELECT room, direction, dense_rank() OVER (
        ORDER BY least(room, target), greatest(room, target), CASE direction
            WHEN 'south' THEN 'north' WHEN 'west' THEN 'east' WHEN 'southwest' THEN 'northeast'
            WHEN 'southeast' THEN 'northwest' WHEN 'down' THEN 'up' WHEN 'out' THEN 'in'
            ELSE direction END
    ) AS number
    FROM exit WHERE closed
), numbered AS (
    SELECT number, nextval('entity_id') AS id FROM (SELECT DISTINCT number FROM side) AS distinct_side
), made AS (
    INSERT INTO door (id, closed) SELECT id, true FROM numbered
)
UPDATE exit e SET door = n.id
FROM side s JOIN numbered n USING (number)
WHERE e.room = s.room AND e.direction = s.direction;

ALTER TABLE exit DROP COLUMN closed;

CREATE TABLE npc_stop (
    npc bigint NOT NULL REFERENCES npc ON DELETE CASCADE,
    step smallint NOT NULL CHECK (step > 0),
    room bigint NOT NULL REFERENCES room,
    PRIMARY KEY (npc, step),
    CONSTRAINT npc_stop_once UNIQUE (npc, room)
);

CREATE INDEX npc_stop_room ON npc_stop (room);

COMMENT ON TABLE npc_stop IS
    'The rooms among which an inhabitant walks to and fro; none for one that stays.';
COMMENT ON COLUMN npc_stop.step IS 'Its place on the way: 1, 2, 3 …';
COMMENT ON COLUMN npc.room IS 'Where they are now.';
