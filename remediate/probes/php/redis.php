<?php
// Ask Redis the way the application would, of every connection that its cache, its sessions and its queue use.
// Arguments: directory of artisan; `cached` for the configuration it runs with, `fresh` for what .env and config/*.php
// would give now; `state` or `content`. Prints one JSON document behind a marker; no value of a key, no password.
[, $directory, $view, $question] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
chdir($directory);
if ($view === "fresh") {
    $_SERVER["APP_CONFIG_CACHE"] = $_ENV["APP_CONFIG_CACHE"] = "/nonexistent/config.php";
}
// Where several are asked at once (together.php), it stands already.
if (!isset($app)) {
    require "$directory/vendor/autoload.php";
    $app = require "$directory/bootstrap/app.php";
    error_reporting(0);
    $app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
}
error_reporting(0);
$config = $app->make("config");

function kind(string $message, float $seconds): string {
    if (preg_match("/\\b(NOAUTH|WRONGPASS|NOPERM|LOADING|OOM|READONLY|MISCONF|MASTERDOWN|BUSY|NOREPLICAS|CLUSTERDOWN)\\b/", $message, $found)) {
        return strtolower($found[1]);
    }
    $texts = [
        "wrongpass" => "/invalid password|without any password|no password is set|AUTH failed/i",
        "maxclients" => "/max number of clients/i",
        "database" => "/DB index|invalid database/i",
        "refused" => "/refused|No such file/i",
        "name" => "/getaddrinfo|name or service|resolve/i",
        "timeout" => "/timed out/i",
    ];
    foreach ($texts as $kind => $pattern) {
        if (preg_match($pattern, $message)) {
            return $kind;
        }
    }
    return preg_match("/read error|while reading/i", $message) ? ($seconds > 2.5 ? "timeout" : "lost") : (preg_match("/went away|lost|closed|reset/i", $message) ? "lost" : "other");
}

// The client says of any refusal of its password only that it was refused; a server that is full says so unasked.
function full(string $place): bool {
    $server = @stream_socket_client(str_starts_with($place, "/") ? "unix://$place" : "tcp://$place", $number, $why, 1);
    if ($server === false) {
        return false;
    }
    stream_set_timeout($server, 0, 300000);
    return str_contains((string) fgets($server, 200), "max number of clients");
}

function stores($config): array {
    $name = (string) $config->get("cache.default");
    $cache = (array) $config->get("cache.stores.$name");
    $driver = (string) $config->get("session.driver");
    $default = (string) $config->get("queue.default");
    $queue = (array) $config->get("queue.connections.$default");
    $used = fn($settings) => ($settings["driver"] ?? null) === "redis" ? (string) ($settings["connection"] ?? "default") : null;
    return [
        ["role" => "cache", "name" => $name, "driver" => (string) ($cache["driver"] ?? "none"), "connection" => $used($cache)],
        ["role" => "sessions", "name" => $driver, "driver" => $driver, "connection" => $driver === "redis" ? (string) ($config->get("session.connection") ?: "default") : null],
        ["role" => "queue", "name" => $default, "driver" => (string) ($queue["driver"] ?? "none"), "connection" => $used($queue)],
    ];
}

function place($config, string $name): array {
    $nodes = $config->get("database.redis.clusters.$name");
    if (is_array($nodes)) {
        $names = array_map(fn($node) => ($node["host"] ?? "") . ":" . ($node["port"] ?? ""), array_values($nodes));
        sort($names);
        return [implode(",", $names), 0];
    }
    $settings = (array) $config->get("database.redis.$name");
    if (isset($settings["url"])) {
        $settings = (new Illuminate\Support\ConfigurationUrlParser)->parseConfiguration($settings);
    }
    $host = (string) ($settings["host"] ?? $settings["path"] ?? "");
    return [str_starts_with($host, "/") ? $host : $host . ":" . ($settings["port"] ?? 6379), (int) ($settings["database"] ?? 0)];
}

function flat(array $info): array {
    $lines = [];
    foreach ($info as $name => $value) {
        $lines += is_array($value) ? $value : [$name => $value];
    }
    return $lines;
}

function raw($connection, array $words) {
    $client = $connection->client();
    return $client instanceof Redis ? $client->rawCommand(...$words) : $client->executeRaw($words);
}

function jobs($connection, $config): int {
    $default = $config->get("queue.default");
    $queue = "queues:" . ($config->get("queue.connections.$default.queue") ?: "default");
    return (int) $connection->llen($queue) + (int) $connection->zcard("$queue:delayed") + (int) $connection->zcard("$queue:reserved");
}

function foreign($connection, $app, string $store, string $own): array {
    $prefix = $own . $app->make("cache")->store($store)->getStore()->getPrefix();
    $until = microtime(true) + 3;
    [$cursor, $seen, $foreign] = ["0", 0, 0];
    do {
        [$cursor, $keys] = raw($connection, ["SCAN", (string) $cursor, "COUNT", "2000"]);
        $seen += count($keys);
        $foreign += count(array_filter($keys, fn($key) => $prefix === "" || !str_starts_with($key, $prefix)));
    } while ((string) $cursor !== "0" && microtime(true) < $until);
    return ["seen" => $seen, "foreign" => $foreign, "whole" => (string) $cursor === "0"];
}

$stores = stores($config);
$links = [];
$failed = [];
// A cache that is not in Redis now may have to go back there: then that one is asked, too.
$others = array_filter((array) $config->get("cache.stores"), fn($store) => ($store["driver"] ?? null) === "redis");
$names = [...array_column($stores, "connection"), ...array_map(fn($store) => (string) ($store["connection"] ?? "default"), array_values($others))];
foreach (array_unique(array_filter($names, "is_string")) as $name) {
    [$server, $database] = place($config, $name);
    $link = ["connection" => $name, "server" => $server, "database" => $database, "state" => $failed[$server] ?? "ok", "run" => null];
    $began = microtime(true);
    try {
        if (!isset($failed[$server])) {
            foreach (["timeout", "read_timeout"] as $limit) {
                $set = (float) $config->get("database.redis.$name.$limit");
                $config->set("database.redis.$name.$limit", $set > 0 && $set < 3 ? $set : 3.0);
            }
            $redis = new Illuminate\Redis\RedisManager($app, $config->get("database.redis.client", "phpredis"), $config->get("database.redis"));
            $connection = $redis->connection($name);
            // A write that never writes: refused where every write is, and without effect on a key that is not there.
            $written = $connection->set("remediate:" . bin2hex(random_bytes(8)), "", "PX", 1, "XX");
            $client = $connection->client();
            if ($written === false && $client instanceof Redis && $client->getLastError() !== null) {
                throw new RuntimeException($client->getLastError());
            }
        }
    } catch (Throwable $error) {
        $link["state"] = kind($error->getMessage(), microtime(true) - $began);
        if ($link["state"] === "wrongpass" && stripos($error->getMessage(), "AUTH failed") !== false && full($server)) {
            $link["state"] = "maxclients";
        }
        if (in_array($link["state"], ["refused", "name", "timeout", "lost"], true)) {
            $failed[$server] = $link["state"];
        }
    }
    try {
        if (!isset($failed[$server]) && isset($connection)) {
            $info = flat((array) $connection->command("info"));
            $link["run"] = $info["run_id"] ?? null;
            if ($question === "content") {
                $link["keys"] = (int) $connection->command("dbsize");
                $link["used"] = (int) ($info["used_memory"] ?? 0);
                $link["limit"] = (int) ($info["maxmemory"] ?? 0);
                $link["policy"] = (string) ($info["maxmemory_policy"] ?? "");
                $link["jobs"] = $name === $stores[2]["connection"] ? jobs($connection, $config) : 0;
                if ($link["state"] === "oom" && $name === $stores[0]["connection"]) {
                    $own = $config->get("database.redis.$name.options.prefix", $config->get("database.redis.$name.prefix", $config->get("database.redis.options.prefix", "")));
                    $link["scan"] = foreign($connection, $app, $stores[0]["name"], (string) $own);
                }
            }
        }
    } catch (Throwable $error) {
        $link["run"] = $link["run"] ?? null;
    }
    unset($connection);
    $links[] = $link;
}
echo "\nremediate:", json_encode(["stores" => $stores, "links" => $links]), "\n";
