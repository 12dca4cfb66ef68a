<?php
// Count the rows of every table of the application's own database, with the application's own configuration, only by
// reading. Arguments: directory of artisan, seconds for all tables together, seconds for one, then ages in hours: how
// many rows are younger than each, where `created_at` says so. Prints one JSON document behind a marker. A table that
// could not be counted in time has no number.
$ages = array_slice($argv, 4);
[, $directory, $seconds, $most] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
ini_set("mysqlnd.net_read_timeout", (string) ($most + 2));
chdir($directory);
require "$directory/vendor/autoload.php";
$app = require "$directory/bootstrap/app.php";
error_reporting(0);
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
error_reporting(0);
$config = $app->make("config");
$name = $config->get("database.default");
$settings = $config->get("database.connections.$name");
$answer = ["driver" => (string) ($settings["driver"] ?? ""), "database" => "", "tables" => [], "more" => 0];
// PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 3 seconds: the class may be missing.
$options = [3 => 2, 2 => 3];
$config->set("database.connections.$name.options", $options + ($settings["options"] ?? []));

function quoted(string $name): string { return "`" . str_replace("`", "``", $name) . "`"; }

try {
    if ($answer["driver"] === "mysql" || $answer["driver"] === "mariadb") {
        $pdo = $app->make("db")->connection($name)->getPdo();
        $answer["database"] = (string) $pdo->query("select database()")->fetchColumn();
        $pdo->exec("set session transaction read only");
        $pdo->exec("set session lock_wait_timeout = 2");
        // MariaDB counts in seconds, MySQL in milliseconds; a server that knows neither limit is not made to count.
        $maria = stripos((string) $pdo->query("select version()")->fetchColumn(), "mariadb") !== false;
        // The small ones first, so that one big table costs only its own number. How many rows the server guesses says
        // whether looking at each of them is cheap.
        $tables = $pdo->query(
            "select t.table_name as a, coalesce(t.table_rows, 0) as b, timestampdiff(second, t.create_time, now()) as c, count(k.column_name) as d"
            . " from information_schema.tables t left join information_schema.columns k on k.table_schema = t.table_schema"
            . " and k.table_name = t.table_name and k.column_name = 'created_at' and k.data_type in ('datetime', 'timestamp')"
            . " where t.table_schema = database() and t.table_type = 'BASE TABLE'"
            . " group by t.table_name, t.table_rows, t.create_time order by coalesce(t.table_rows, 0), t.table_name"
        )->fetchAll(3);
        $size = 0;
        $end = microtime(true) + $seconds;
        foreach ($tables as [$table, $guess, $since, $dated]) {
            $found = [(string) $table, null, null, $since === null ? null : (int) $since];
            $left = min((float) $most, $end - microtime(true));
            if ($left > 0.1) {
                // As the application writes its times: by its own clock and time zone.
                $young = "";
                foreach ($dated && $guess < 500000 ? $ages : [] as $hours) {
                    $young .= ", coalesce(sum(created_at > '" . date("Y-m-d H:i:s", time() - (int) $hours * 3600) . "'), 0)";
                }
                try {
                    $pdo->exec($maria ? sprintf("set session max_statement_time = %.1F", $left) : sprintf("set session max_execution_time = %d", $left * 1000));
                    $row = array_map("intval", $pdo->query("select count(*)$young from " . quoted((string) $table))->fetch(3));
                    $found[1] = array_shift($row);
                    $found[2] = $row === [] ? null : $row;
                } catch (Throwable $error) {
                    // 1969 and 3024: interrupted at the limit. Whatever else it is, there is no number.
                    $found[1] = null;
                }
            }
            $size += strlen(json_encode($found)) + 1;
            if ($size > 28000) { $answer["more"] += 1; } else { $answer["tables"][] = $found; }
        }
    }
} catch (Throwable $error) {
    $answer["failed"] = (int) ($error->errorInfo[1] ?? $error->getCode());
}
echo "\nremediate:", json_encode($answer), "\n";
