-- One JSON document a line: the server; when it is nearly full, how many sessions each user holds; and every session that
-- blocks others, may do so, or is beyond a limit. The same text as long as nothing happens to those, whatever else comes and goes.
-- include judged.sql
, marks AS (
    SELECT CHAR(39 USING utf8mb4) AS single, CHAR(34 USING utf8mb4) AS twofold,
        CHAR(92, 92 USING utf8mb4) AS escape, CHAR(96 USING utf8mb4) AS name
),
pattern AS (
    -- Names in backticks stay; strings, numbers and comments go. Whether a backslash escapes depends on the session's
    -- mode: behind one, nothing of the statement is shown.
    SELECT CONCAT(
        '(?s)', name, '[^', name, ']*(?:', name, '|$)(*SKIP)(*F)',
        '|', single, '[^', single, escape, ']*(?:', single, '|', escape, '.*|$)',
        '|', twofold, '[^', twofold, escape, ']*(?:', twofold, '|', escape, '.*|$)',
        '|[/][*].*?(?:[*][/]|$)|(?:--|#).*',
        '|(?<![A-Za-z0-9_$])[0-9][0-9A-Za-z.]*'
    ) AS literals FROM marks
)
SELECT JSON_OBJECT('limit', @@max_connections, 'full', is_full, 'tight', is_tight, 'waiting', (SELECT COUNT(*) > 0 FROM victims))
FROM server
UNION ALL
SELECT JSON_OBJECT('user', user, 'idle', command = 'Sleep' AND trx_id IS NULL, 'count', COUNT(*))
FROM judged, server WHERE is_tight AND time >= 2 GROUP BY user, command = 'Sleep' AND trx_id IS NULL
UNION ALL
(SELECT JSON_OBJECT(
    'id', id, 'query', query_id, 'user', user, 'database', db, 'command', command, 'started', started,
    'blocks', blocks, 'suspected', suspected, 'beyond', beyond, 'transaction', trx_id IS NOT NULL, 'modified', modified,
    'reads', is_reading,
    'statement', LEFT(TRIM(
        REGEXP_REPLACE(REGEXP_REPLACE(LEFT(COALESCE(info, ''), 2000), literals, '?'), '[[:space:]]+', ' ')
    ), 200)
)
FROM judged, server, pattern
WHERE blocks OR suspected
    OR (command <> 'Sleep' AND beyond AND NOT waits)
    OR (is_tight AND command = 'Sleep' AND trx_id IS NULL AND beyond)
ORDER BY blocks DESC, suspected DESC, started, id LIMIT 20)
