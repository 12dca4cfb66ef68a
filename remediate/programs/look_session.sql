-- One session (@id) as list_sessions.sql shows it, whether it is one of those that are being ended, and nothing when
-- it is gone.
BEGIN NOT ATOMIC
-- include holders.sql
-- include judged.sql
-- include shown.sql
SELECT line FROM shown WHERE id = @id
UNION ALL
SELECT JSON_OBJECT('ending', command = 'Killed') FROM information_schema.processlist
WHERE id = @id AND command NOT IN ('Sleep', 'Query', 'Execute');
END
