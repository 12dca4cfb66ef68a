-- One JSON document a line: the server; when it is nearly full, how many sessions each user holds; and every session
-- that blocks others, may do so (first whoever came to rest shortly before they began to wait), or is beyond a limit
-- (of each user the longest first). The same text as long as nothing happens to those, whatever else comes and goes.
BEGIN NOT ATOMIC
-- include holders.sql
-- include judged.sql
-- include shown.sql
SELECT JSON_OBJECT(
    'limit', @@max_connections, 'full', is_full, 'tight', is_tight, 'waiting', (SELECT COUNT(*) > 0 FROM victims),
    'undoing', EXISTS (SELECT 1 FROM information_schema.processlist WHERE command = 'Killed')
)
FROM server
UNION ALL
SELECT JSON_OBJECT('user', user, 'idle', command = 'Sleep' AND trx_id IS NULL, 'count', COUNT(*))
FROM judged, server WHERE is_tight AND time >= 2 GROUP BY user, command = 'Sleep' AND trx_id IS NULL
UNION ALL
(SELECT line FROM shown, server
WHERE blocks OR suspected
    OR (command <> 'Sleep' AND beyond AND NOT waits)
    OR (is_tight AND command = 'Sleep' AND trx_id IS NULL AND beyond)
ORDER BY blocks DESC, suspected DESC, IF(suspected, -CAST(started AS SIGNED), 0),
    ROW_NUMBER() OVER (PARTITION BY user, command = 'Sleep' ORDER BY started, id), id
LIMIT 20);
END
