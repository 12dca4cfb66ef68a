<?php
// Ask the application itself: its version, whether it is down for maintenance, and what its own database answers.
// Arguments: directory of artisan, `state` or `database`. Prints one JSON document behind a marker, since the
// framework may print notices of its own.
[, $directory, $question] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
chdir($directory);
require "$directory/vendor/autoload.php";
$app = require "$directory/bootstrap/app.php";
error_reporting(0);
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
error_reporting(0);

function database($config): array {
    $name = $config->get("database.default");
    $settings = $config->get("database.connections.$name");
    $answer = ["driver" => $settings["driver"] ?? null, "host" => $settings["host"] ?? null, "database" => $settings["database"] ?? null];
    // PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 3 seconds: the class may be missing.
    $options = [3 => 2, 2 => 3];
    $config->set("database.connections.$name.options", $options + ($settings["options"] ?? []));
    try {
        $connection = app("db")->connection($name);
        $connection->select("select 1");
        $answer["state"] = "ok";
        if ($answer["driver"] === "mysql" || $answer["driver"] === "mariadb") {
            $slow = $connection->select("select count(*) as n from information_schema.processlist where command in ('Query', 'Execute') and time >= 2 and id <> connection_id()");
            $answer["waiting"] = (int) $slow[0]->n;
        }
    } catch (Throwable $error) {
        while ($error->getPrevious() !== null) {
            $error = $error->getPrevious();
        }
        $info = $error->errorInfo ?? null;
        $answer["state"] = "failed";
        $answer["code"] = (int) ($info[1] ?? $error->getCode());
    }
    return $answer;
}

$answer = $question === "database"
    ? database($app->make("config"))
    : ["version" => $app->version(), "maintenance" => (bool) $app->isDownForMaintenance(), "config_cached" => (bool) $app->configurationIsCached()];
echo "\nremediate:", json_encode($answer), "\n";
