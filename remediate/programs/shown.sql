-- Every judged session as one JSON document, its statement without literals. Included behind judged.sql.
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
),
shown AS (
    SELECT judged.*, JSON_OBJECT(
        'id', id, 'query', query_id, 'user', user, 'host', host, 'database', db, 'command', command, 'started', started,
        'blocks', blocks, 'suspected', suspected, 'beyond', beyond, 'transaction', trx_id IS NOT NULL,
        'modified', modified, 'reads', is_reading, 'dump', is_dump,
        'statement', LEFT(TRIM(
            REGEXP_REPLACE(REGEXP_REPLACE(LEFT(COALESCE(info, ''), 2000), literals, '?'), '[[:space:]]+', ' ')
        ), 200)
    ) AS line
    FROM judged, pattern
)
