-- Ends one connection by id, user and the second in which what it is at began (@id, @user, @started), provided that at
-- this moment it holds locks that others wait for, or may hold them, or is a long statement of @application that
-- changes data. Never one of @protected, a regular expression: the system's own users, replicas, backups, monitoring.
BEGIN NOT ATOMIC
-- No such session: it ended by itself.
DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
-- include holders.sql
FOR one IN (
-- include judged.sql
SELECT id FROM judged
WHERE id = @id AND user = @user AND ABS(CAST(started AS SIGNED) - @started) <= 1 AND user NOT REGEXP @protected
    AND NOT is_dump
    AND (
        blocks OR suspected
        OR (user = @application AND command <> 'Sleep' AND beyond AND NOT waits AND NOT is_reading)
    )
) DO
KILL CONNECTION one.id;
END FOR;
END
