-- What of the application's own user (@application) would be ended first: what blocks others, or has run for longest
-- beyond the limit. The same answer whatever other connections come, go or grow old.
BEGIN NOT ATOMIC
-- include holders.sql
-- include judged.sql
SELECT id, query_id FROM ripe ORDER BY blocks DESC, started, id LIMIT 1;
END
