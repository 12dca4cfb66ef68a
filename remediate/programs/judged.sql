-- Every session but this one, and what is to be thought of it. Included by the programs that list and end sessions, so
-- that both decide by the same words. The limits are seconds: @lock_wait, @long_query, @idle, @idle_transaction.
-- @holders is what holders.sql found out.
WITH
sessions AS (
    SELECT p.id, p.query_id, p.user, REGEXP_REPLACE(COALESCE(p.host, ''), ':[0-9]+$', '') AS host, p.db, p.command,
        p.time, p.info, p.state, FLOOR(UNIX_TIMESTAMP(SYSDATE(6)) - p.time_ms / 1000) AS started,
        t.trx_id, t.trx_started, COALESCE(t.trx_rows_modified, 0) > 0 AS modified,
        COALESCE(
            t.trx_state = 'LOCK WAIT' OR p.state LIKE 'Waiting for %lock' OR p.state = 'Waiting for table flush', FALSE
        ) AS waits
    FROM information_schema.processlist AS p
    LEFT JOIN information_schema.innodb_trx AS t ON t.trx_mysql_thread_id = p.id
    -- Not replication, not the server's own threads, not what is being ended already.
    WHERE p.id <> CONNECTION_ID() AND p.command IN ('Sleep', 'Query', 'Execute')
),
victims AS (SELECT id, trx_id, state, time FROM sessions WHERE waits AND time >= @lock_wait),
blockers AS (
    SELECT s.id FROM sessions AS s
    JOIN information_schema.innodb_lock_waits AS w ON w.blocking_trx_id = s.trx_id
    JOIN victims AS v ON v.trx_id = w.requesting_trx_id
    WHERE NOT s.waits
),
keepers AS (
    -- Where a plugin tells who holds locks on tables, and only one of them does not wait itself, it is that one which
    -- everybody waits for in the end.
    SELECT s.id FROM sessions AS s
    WHERE NOT s.waits AND s.id = @holders AND LOCATE(',', @holders) = 0
        AND EXISTS (SELECT id FROM victims WHERE state = 'Waiting for table metadata lock')
),
suspects AS (
    -- Without it nobody tells. It may be somebody whose transaction was open when the first one began to wait, or
    -- somebody without one (LOCK TABLES) who has been at the same since then: they are named, and ended only when a
    -- person names one.
    SELECT s.id FROM sessions AS s, (SELECT MAX(time) AS seconds FROM victims WHERE state LIKE 'Waiting for %') AS first
    WHERE NOT s.waits AND first.seconds IS NOT NULL AND IF(
        @holders <> '', FIND_IN_SET(s.id, @holders) > 0,
        IF(s.trx_id IS NULL, s.time >= first.seconds, UNIX_TIMESTAMP(s.trx_started) <= UNIX_TIMESTAMP() - first.seconds)
    )
),
judged AS (
    SELECT s.*, s.id IN (SELECT id FROM blockers) OR s.id IN (SELECT id FROM keepers) AS blocks,
        s.id IN (SELECT id FROM suspects) AS suspected,
        s.time >= IF(s.command = 'Sleep', IF(s.trx_id IS NULL, @idle, @idle_transaction), @long_query) AS beyond,
        -- A dump of the whole database says SQL_NO_CACHE: a backup, whoever makes it.
        COALESCE(s.info LIKE '%SQL_NO_CACHE%', FALSE) AS is_dump,
        COALESCE(
            s.info REGEXP '^[[:space:](]*(select|with|table|values)' AND NOT s.info LIKE '%SQL_NO_CACHE%', FALSE
        ) AS is_reading
    FROM sessions AS s
),
ripe AS (
    -- What may be ended of @application: while somebody waits for a lock only what is proven to hold it, since whatever
    -- else takes long has done nothing to anybody then.
    SELECT id, query_id, command, blocks, started FROM judged
    WHERE user = @application AND beyond AND IF(
        command = 'Sleep', blocks, NOT waits AND is_reading AND (blocks OR NOT EXISTS (SELECT id FROM victims))
    )
),
server AS (
    -- Of connections that last: others come and go while this is asked. While every tenth one at most is left, an
    -- application that asks for several at once already gets none. It works again with a quarter of them, and eight at
    -- least: pages, workers and one survey of ours ask for that many at once. Decimal first: an unsigned difference
    -- below zero would be an error.
    SELECT COUNT(*) >= @@max_connections AS is_full, COUNT(*) >= @@max_connections * 0.9 AS is_tight,
        CEIL(COUNT(*) + GREATEST(@@max_connections * 0.25, 8) - @@max_connections) AS surplus
    FROM sessions WHERE time >= 2
)
