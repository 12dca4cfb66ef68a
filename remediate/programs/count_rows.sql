-- Write one statement for each table of a restored dump: `[schema, table, rows, newest]`, the last by when a row was
-- created or updated, where it says so.
select concat('select json_array(', quote(t.table_schema), ', ', quote(t.table_name), ', count(*), ',
coalesce(concat('date_format(max(`', c.name, '`), ''%Y-%m-%dT%H:%i:%s'')'), 'null'),
') from `', replace(t.table_schema, '`', '``'), '`.`', replace(t.table_name, '`', '``'), '`;')
from information_schema.tables t
left join (select table_schema, table_name, max(column_name) as name from information_schema.columns
where column_name in ('created_at', 'updated_at') and data_type in ('datetime', 'timestamp')
group by table_schema, table_name) c on c.table_schema = t.table_schema and c.table_name = t.table_name
where t.table_type = 'BASE TABLE'
and t.table_schema not in ('mysql', 'sys', 'performance_schema', 'information_schema')
order by t.table_schema, t.table_name;
