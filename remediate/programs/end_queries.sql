-- Ends what the application's own user (@application) does beyond a limit: a reading query first by itself, then the
-- connection of a transaction that stays with locks others wait for. With @few only as many queries as the server has
-- connections too few, those that run for longest. Everything is judged here, at this moment.
BEGIN NOT ATOMIC
DECLARE asked TEXT DEFAULT ',';
-- No such session, no such query: it ended by itself.
DECLARE CONTINUE HANDLER FOR 1094, 1957 BEGIN END;
-- include holders.sql
FOR one IN (
-- include judged.sql
, ordered AS (SELECT ripe.*, ROW_NUMBER() OVER (ORDER BY started, id) AS place FROM ripe WHERE command <> 'Sleep')
SELECT id, query_id FROM ordered, server WHERE NOT @few OR (is_tight AND place <= surplus)
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
