-- From which hosts the server lets a user in (@application), one a line.
SELECT host FROM mysql.global_priv WHERE user = @application ORDER BY host
