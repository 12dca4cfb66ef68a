<?php
// Ask the application's own database which of its queries have been running for long, with the application's own
// configuration and credentials. Arguments: directory of artisan, seconds. Values in statements never leave the host.
[, $directory, $seconds] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
chdir($directory);
require "$directory/vendor/autoload.php";
$app = require "$directory/bootstrap/app.php";
error_reporting(0);
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
error_reporting(0);
$config = $app->make("config");
$name = $config->get("database.default");
$settings = $config->get("database.connections.$name");
$answer = ["driver" => $settings["driver"] ?? null, "queries" => []];
// PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 3 seconds: the class may be missing.
$options = [3 => 2, 2 => 3];
$config->set("database.connections.$name.options", $options + ($settings["options"] ?? []));
try {
    if ($answer["driver"] === "mysql" || $answer["driver"] === "mariadb") {
        $sql = "select id, user, db, time, state, info from information_schema.processlist where command in ('Query', 'Execute') and time >= ? and id <> connection_id() and user not in ('system user', 'event_scheduler') order by time desc limit 10";
        foreach ($app->make("db")->connection($name)->select($sql, [(int) $seconds]) as $row) {
            $row = array_change_key_case((array) $row);
            $words = preg_replace(["/'(?:[^'\\\\]|\\\\.|'')*'?|\"(?:[^\"\\\\]|\\\\.|\"\")*\"?/s", "/\\b[0-9][0-9a-fx.e]*\\b/i", "/\\s+/"], ["?", "?", " "], (string) $row["info"]);
            $answer["queries"][] = ["id" => (int) $row["id"], "user" => (string) $row["user"], "database" => (string) $row["db"], "seconds" => (int) $row["time"], "state" => (string) $row["state"], "statement" => mb_substr(mb_scrub((string) $words), 0, 160)];
        }
    }
} catch (Throwable $error) {
    $answer["failed"] = (int) ($error->errorInfo[1] ?? $error->getCode());
}
echo "\nremediate:", json_encode($answer), "\n";
