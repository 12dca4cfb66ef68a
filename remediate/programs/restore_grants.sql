-- What the restoring account of a throw-away server may do: everything to data, nothing to files or to the server.
-- SUPER would let a dump write any file of the host's user by `SET GLOBAL general_log_file`, FILE by `SELECT … INTO
-- OUTFILE`. SET USER takes a DEFINER that does not exist there, BINLOG ADMIN takes `SET sql_log_bin`: dumps have both.
create database restored;
create user restore@localhost;
grant select, insert, update, delete, create, drop, references, index, alter, create temporary tables, lock tables,
execute, create view, show view, create routine, alter routine, event, trigger, set user, binlog admin
on *.* to restore@localhost;
-- Without an account that may do more, no DEFINER in a dump can stand for one either.
delete from mysql.global_priv where user not in ('restore', 'mariadb.sys');
flush privileges;
