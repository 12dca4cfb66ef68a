-- Which connection of the application's own user (@application) has done nothing for longest, beyond the limit and in no
-- transaction, while the server is nearly full: the same answer whatever other connections come, go or begin to idle.
-- include judged.sql
SELECT id, query_id FROM judged, server
WHERE is_tight AND user = @application AND command = 'Sleep' AND trx_id IS NULL AND beyond
ORDER BY query_id, id LIMIT 1
