-- Ask who holds metadata locks on tables and does not wait for any, where a plugin of the server tells: ids with
-- commas between them in @holders, which else is empty. Nothing is installed for it.
SET @holders = '';
IF EXISTS (
SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'METADATA_LOCK_INFO' AND plugin_status = 'ACTIVE'
) THEN
EXECUTE IMMEDIATE '
SELECT COALESCE(GROUP_CONCAT(DISTINCT thread_id), '''') INTO @holders FROM information_schema.metadata_lock_info
WHERE lock_type = ''Table metadata lock'' AND thread_id <> CONNECTION_ID() AND thread_id NOT IN (
SELECT id FROM information_schema.processlist
WHERE state LIKE ''Waiting for %lock'' OR state = ''Waiting for table flush'')';
END IF;
