-- Ends the connections of the application's own user (@application) that have done nothing for @idle seconds and hold
-- no transaction, provided that the server is nearly full at this moment.
BEGIN NOT ATOMIC
-- No such session: it ended by itself.
DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
FOR one IN (
-- include judged.sql
SELECT id FROM judged, server
WHERE is_tight AND user = @application AND command = 'Sleep' AND trx_id IS NULL AND beyond
) DO
KILL CONNECTION one.id;
END FOR;
END
