<?php
// Ask the application itself: its version, whether it is down for maintenance, and what its own database answers.
// Arguments: directory of artisan, then a question: `state`; `database`, with the configuration in use; or
// `credentials`, with the one that .env and config/*.php would give now. Prints one JSON document behind a marker,
// since the framework may print notices of its own; never a value of the configuration but the names of things.
[, $directory, $question] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
// A server that takes connections and says nothing keeps nobody waiting for a day.
ini_set("mysqlnd.net_read_timeout", "4");
ini_set("default_socket_timeout", "4");
chdir($directory);

// A cached configuration that was cut off, or is empty, keeps the application from starting at all.
function loaded(string $cache): array {
    try {
        $config = require $cache;
    } catch (Throwable $error) {
        return [];
    }
    return is_array($config) ? $config : [];
}

// Where several are asked at once (together.php), it stands already.
if (!isset($app)) {
    // Such as after a deploy that left a link to a release that is not there.
    if (!is_file("$directory/vendor/autoload.php")) {
        $link = is_link($directory) ? " ($directory is a link to " . readlink($directory) . ")" : "";
        echo "\nremediate:", json_encode(["ended" => "an error: there is no $directory/vendor/autoload.php$link"]), "\n";
        exit(1);
    }
    require "$directory/vendor/autoload.php";
}
$cache = "$directory/bootstrap/cache/config.php";
if ($question === "credentials") {
    // One that this user cannot read gives nothing, and an empty password is not what it says.
    $env = is_file(".env") ? (is_readable(".env") ? "sound" : "broken") : "missing";
    try {
        if ($env === "sound" && class_exists("Dotenv\\Parser\\Parser")) {
            (new Dotenv\Parser\Parser())->parse((string) file_get_contents(".env"));
        }
    } catch (Throwable $error) {
        $env = "broken";
    }
    if ($env !== "sound") {
        // The framework would print the line that it cannot read, and that may be the one with the password.
        echo "\nremediate:", json_encode(["env" => $env]), "\n";
        exit(0);
    }
    $_SERVER["APP_CONFIG_CACHE"] = "/nonexistent/config.php";
}
$torn = false;
if (!isset($app)) {
    if ($torn = $question !== "credentials" && is_file($cache) && loaded($cache) === []) {
        $_SERVER["APP_CONFIG_CACHE"] = "/nonexistent/config.php";
    }
    // Where it ends, never what is said then: that may have a value of the configuration in it.
    $started = false;
    register_shutdown_function(static function () use (&$started) {
        $error = error_get_last();
        if (!$started && $error !== null && ($error["type"] & (E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR)) !== 0) {
            $how = strncmp($error["message"], "Allowed memory size", 19) === 0 ? "out of memory (memory_limit)" : "an error";
            echo "\nremediate:", json_encode(["ended" => "$how in {$error["file"]}, line {$error["line"]}"]), "\n";
        }
    });
    $app = require "$directory/bootstrap/app.php";
    error_reporting(0);
    $app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
    $started = true;
}
error_reporting(0);

function network(array $settings): string {
    $socket = (string) ($settings["unix_socket"] ?? "");
    $host = (string) ($settings["host"] ?? "");
    $place = $socket !== "" ? "unix://$socket" : "tcp://$host:" . ($settings["port"] ?? 3306);
    $stream = @stream_socket_client($place, $code, $message, 2);
    if ($stream !== false) {
        return "open";
    }
    // ECONNREFUSED, and ENOENT of a socket; no error number at all when a name was not found.
    if (in_array($code, $socket !== "" ? [2, 111] : [111], true)) {
        return "refused";
    }
    return $socket === "" && $code === 0 && filter_var($host, FILTER_VALIDATE_IP) === false ? "name" : "silent";
}

function settings($config): array {
    $found = $config["connections"][$config["default"] ?? ""] ?? [];
    $names = ["host", "port", "unix_socket", "database", "username", "password", "url"];
    return ["driver" => $found["driver"] ?? null] + array_intersect_key($found, array_flip($names));
}

function compared(array $fresh, array $used): array {
    $answer = [];
    foreach (["host", "port", "database", "username", "password", "url"] as $name) {
        $new = (string) ($fresh[$name] ?? "");
        $answer[$name] = $new === "" ? "unset" : ($new === (string) ($used[$name] ?? "") ? "same" : "differs");
    }
    return $answer;
}

function database($config): array {
    $name = $config->get("database.default");
    $settings = $config->get("database.connections.$name");
    $answer = [];
    foreach (["driver", "host", "database", "username"] as $key) {
        $answer[$key] = is_array($settings[$key] ?? null) ? null : ($settings[$key] ?? null);
    }
    // PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 2 seconds: the class may be missing.
    $options = [3 => 2, 2 => 2];
    $config->set("database.connections.$name.options", $options + ($settings["options"] ?? []));
    try {
        $connection = app("db")->connection($name);
        // By itself: in a query the framework would connect again and again, each time as long as it may take.
        $connection->getPdo();
        $connection->select("select 1");
        $answer["state"] = "ok";
        if ($answer["driver"] === "mysql" || $answer["driver"] === "mariadb") {
            $slow = $connection->select("select count(*) as n from information_schema.processlist where command in ('Query', 'Execute') and time >= 2 and id <> connection_id()");
            $answer["waiting"] = (int) $slow[0]->n;
            // 1290 where this account may not write: a replica, or what a failover left behind. It writes nothing.
            $connection->getPdo()->exec("start transaction read write");
            $connection->getPdo()->exec("rollback");
        } elseif ($answer["driver"] === "pgsql" && $connection->select("show transaction_read_only")[0]->transaction_read_only === "on") {
            // A standby, or a server that was made read-only: as above.
            $answer["state"] = "failed";
            $answer["code"] = 1290;
        }
    } catch (Throwable $error) {
        $code = 0;
        // The innermost number counts: the framework wraps the driver's exception, and a warning may stand behind it.
        for (; $error !== null; $error = $error->getPrevious()) {
            $code = (int) ($error->errorInfo[1] ?? ($error instanceof PDOException ? $error->getCode() : 0)) ?: $code;
            // Access denied for user 'agency'@'10.0.0.5'; Host '10.0.0.5' is not allowed to connect: as the server saw it.
            if (in_array($code, [1045, 1698, 1130], true) && preg_match("/(?:@|Host )'([A-Za-z0-9._:%-]{1,255})'/", $error->getMessage(), $found)) {
                $answer["from"] = $found[1];
            }
        }
        $answer["state"] = "failed";
        $answer["code"] = $code;
        if (in_array($code, [0, 2002, 2003, 2006, 2013], true)) {
            $answer["network"] = network($settings ?? []);
        }
    }
    return $answer;
}

function credentials($config, string $cache): array {
    $used = is_file($cache) ? loaded($cache)["database"] ?? [] : $config->get("database");
    return ["env" => "sound", "keys" => compared(settings($config->get("database")), settings($used))] + database($config);
}

$answer = $question === "database" ? ($torn ? ["state" => "unconfigured"] : database($app->make("config"))) : null;
$answer = $question === "credentials" ? credentials($app->make("config"), $cache) : $answer;
$answer = $answer ?? ["version" => $app->version(), "maintenance" => (bool) $app->isDownForMaintenance(), "config_cached" => (bool) $app->configurationIsCached()];
echo "\nremediate:", json_encode($answer), "\n";
