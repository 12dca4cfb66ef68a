-- Ends what the application's own user (@application) does beyond a limit: a reading query first by itself, then the
-- connection of a transaction that stays with locks others wait for. While somebody waits for a lock only what is
-- proven to hold it is ended: whatever else takes long has done nothing to anybody. Everything is judged here, at this moment.
BEGIN NOT ATOMIC
DECLARE asked TEXT DEFAULT ',';
-- No such session, no such query: it ended by itself.
DECLARE CONTINUE HANDLER FOR 1094, 1957 BEGIN END;
FOR one IN (
-- include judged.sql
SELECT id, query_id FROM judged
WHERE user = @application AND command <> 'Sleep' AND beyond AND NOT waits AND is_reading
    AND (blocks OR NOT EXISTS (SELECT id FROM victims))
) DO
KILL QUERY ID one.query_id;
SET asked = CONCAT(asked, one.id, ',');
END FOR;
IF asked <> ',' THEN DO SLEEP(1); END IF;
FOR one IN (
-- include judged.sql
SELECT id FROM judged
WHERE user = @application AND command = 'Sleep' AND blocks
    AND (beyond OR LOCATE(CONCAT(',', id, ','), asked) > 0)
) DO
KILL CONNECTION one.id;
END FOR;
END
