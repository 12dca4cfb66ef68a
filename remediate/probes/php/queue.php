<?php
// Ask the application about its queue: which jobs failed, as data; or whether its queue can be used, and which of the
// jobs that were retried are still in it. No payload and no message of an exception leaves this process.
// Arguments: directory of artisan; `failed` and class names (none = all); `flow` and names of queues; or `motion`, for
// how many seconds to look at the most, and names of queues of the default connection: further ones that hold jobs are
// found, and so are the application's workers on this host, with what they listen to.
// Prints one JSON document behind a marker, since the framework may print notices of its own.
[, $directory, $question] = $argv;
$names = array_slice($argv, 3);
error_reporting(0);
ini_set("display_errors", "0");
// A server that takes connections and says nothing keeps nobody waiting for a day.
ini_set("mysqlnd.net_read_timeout", "4");
ini_set("default_socket_timeout", "4");
chdir($directory);
// Where several are asked at once (together.php), it stands already.
if (!isset($app)) {
    require "$directory/vendor/autoload.php";
    $app = require "$directory/bootstrap/app.php";
    error_reporting(0);
    $app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
}
error_reporting(0);

function job_class(array $payload): string {
    $name = (string) ($payload["data"]["commandName"] ?? "");
    // A listener, a mail or a notification is wrapped in a class of the framework: then its display name says which.
    if ($name === "" || strncmp($name, "Illuminate\\", 11) === 0) {
        $name = (string) ($payload["displayName"] ?? "");
    }
    return preg_match('/^[A-Za-z_][A-Za-z0-9_\\\\]{0,200}$/', $name) === 1 ? $name : "?";
}

function trouble(Throwable $error): array {
    while ($error->getPrevious() !== null) {
        $error = $error->getPrevious();
    }
    $said = $error->getMessage();
    $kinds = ["refused" => "/refused|timed out|went away|read error|socket|name or service/i", "denied" => "/NOAUTH|WRONGPASS|invalid password|AUTH failed|denied/i", "loading" => "/LOADING/", "full" => "/OOM command|MISCONF|READONLY|read-only option/"];
    foreach ($kinds as $kind => $pattern) {
        if (preg_match($pattern, $said) === 1) {
            return ["state" => "failed", "why" => $kind, "code" => (int) ($error->errorInfo[1] ?? 0)];
        }
    }
    return ["state" => "failed", "why" => "other", "code" => (int) ($error->errorInfo[1] ?? 0)];
}

function age(array $payload, string $failed): ?int {
    $times = [strtotime($failed)];
    // Newer frameworks and Horizon note when a job was made: it may have failed, and been retried by hand, since.
    foreach (["createdAt", "pushedAt"] as $key) {
        if (isset($payload[$key]) && is_numeric($payload[$key])) {
            $times[] = (int) $payload[$key];
        }
    }
    if (in_array(false, $times, true) || max($times) > time() + 300) {
        return null;
    }
    return max(0, intdiv(time() - min($times), 3600));
}

function failed($config, $app, array $classes): array {
    $settings = (array) $config->get("queue.failed");
    // As the framework chooses: `null` throws them away, and without the key a table is one without uuids.
    $driver = array_key_exists("driver", $settings) ? $settings["driver"] ?? "null" : (isset($settings["table"]) ? "database" : "null");
    if (!in_array($driver, ["database", "database-uuids"], true)) {
        return ["state" => "unsupported", "driver" => (string) $driver];
    }
    $wanted = array_map("strtolower", $classes);
    $answer = ["state" => "ok", "by" => $driver === "database" ? "row" : "uuid", "kinds" => [], "jobs" => [], "others" => 0, "more" => false];
    $connection = $app->make("db")->connection($settings["database"] ?? null);
    if (in_array($connection->getDriverName(), ["mysql", "mariadb"], true)) {
        // Refused where this account may not write: then no job can be retried, and none that fails is kept.
        $connection->getPdo()->exec("start transaction read write");
        $connection->getPdo()->exec("rollback");
    }
    $rows = $connection->table($settings["table"])->orderByDesc("id")->limit(2001)->get();
    foreach ($rows as $number => $row) {
        $payload = json_decode($row->payload, true);
        $payload = is_array($payload) ? $payload : [];
        $class = job_class($payload);
        if ($number === 2000) {
            $answer["more"] = true;
            break;
        }
        if ($wanted !== [] && !in_array(strtolower($class), $wanted, true)) {
            continue;
        }
        preg_match('/^([A-Za-z_\\\\][A-Za-z0-9_\\\\]*)(?=:| in |$)/', (string) strtok((string) $row->exception, "\n"), $raised);
        $queue = $row->connection === $config->get("queue.default") ? $row->queue : $row->connection . "/" . $row->queue;
        $kind = array_map(function ($word) {
            return substr($word, 0, 120);
        }, [$class, $raised[1] ?? "?", (string) $queue]);
        $index = array_search($kind, $answer["kinds"], true);
        if (count($answer["jobs"]) >= 300 || ($index === false && count($answer["kinds"]) >= 25)) {
            $answer["others"]++;
            continue;
        }
        if ($index === false) {
            $index = count($answer["kinds"]);
            $answer["kinds"][] = $kind;
        }
        $mark = $payload["remediate"]["row"] ?? null;
        $retried = $mark === null ? "no" : ((int) $mark === (int) $row->id ? "interrupted" : "again");
        $uuid = is_string($payload["uuid"] ?? null) ? $payload["uuid"] : null;
        $answer["jobs"][] = [(int) $row->id, $uuid, age($payload, (string) $row->failed_at), $retried, $index];
    }
    $answer["jobs"] = array_reverse($answer["jobs"]);
    return $answer;
}

function payloads($config, $queue, string $driver, string $name): array {
    if ($driver === "redis") {
        $redis = $queue->getConnection();
        $key = $queue->getQueue($name);
        // All of it: what was pushed last, as a retried job is, stands at the end, and pages would shift while they are read.
        return array_merge($redis->lrange($key, 0, -1), $redis->zrange("$key:delayed", 0, -1), $redis->zrange("$key:reserved", 0, -1));
    }
    $table = app("db")->connection($config["connection"] ?? null)->table($config["table"]);
    return $table->where("queue", $name)->where("payload", "like", '%"remediate"%')->pluck("payload")->all();
}

function flow($config, $app, array $queues): array {
    $connection = (string) $config->get("queue.default");
    $settings = (array) $config->get("queue.connections.$connection");
    $driver = (string) ($settings["driver"] ?? "");
    $answer = ["state" => "ok", "connection" => $connection, "driver" => $driver, "waiting" => 0, "retried" => [], "more" => false];
    if (!in_array($driver, ["redis", "database"], true)) {
        return ["state" => "unsupported"] + $answer;
    }
    $queue = $app->make("queue")->connection($connection);
    foreach ($queues as $name) {
        $answer["waiting"] += $queue->size($name);
        foreach (payloads($settings, $queue, $driver, $name) as $text) {
            if (strpos($text, '"remediate"') === false) {
                continue;
            }
            $payload = json_decode($text, true);
            if (isset($payload["remediate"]["row"])) {
                $answer["retried"][] = (string) ($payload["uuid"] ?? "?");
            }
        }
    }
    sort($answer["retried"]);
    $answer["more"] = count($answer["retried"]) > 200;
    $answer["retried"] = array_slice($answer["retried"], 0, 200);
    return $answer;
}

function kept($config, $queue, string $driver, string $name): array {
    $now = time();
    if ($driver === "redis") {
        $redis = $queue->getConnection();
        $key = $queue->getQueue($name);
        // A delayed job that is due, and one whose worker did not come back in time, wait like any other.
        $due = (int) $redis->zcount("$key:delayed", "-inf", $now) + (int) $redis->zcount("$key:reserved", "-inf", $now);
        $all = (int) $redis->zcard("$key:delayed") + (int) $redis->zcard("$key:reserved");
        $working = (int) $redis->zcard("$key:reserved") - (int) $redis->zcount("$key:reserved", "-inf", $now);
        $head = $redis->lindex($key, 0) ?: ($redis->zrange("$key:delayed", 0, 0)[0] ?? null);
        // All of them, one a busy worker: frameworks do not agree on how a limit is given.
        $ends = array_map("intval", array_values((array) $redis->zrevrangebyscore("$key:reserved", "+inf", "-inf", ["withscores" => true])));
        $held = $ends === [] ? null : max(0, $now - (max($ends) - (int) ($config["retry_after"] ?? 60)));
        // A list does not tell since when a job is in it.
        return ["ready" => (int) $redis->llen($key) + $due, "working" => $working, "later" => $all - $due - $working, "oldest" => null, "held" => $held, "head" => is_string($head) ? md5($head) : null];
    }
    $limit = $now - (int) ($config["retry_after"] ?? 60);
    $jobs = fn() => app("db")->connection($config["connection"] ?? null)->table($config["table"])->where("queue", $name);
    $ready = fn() => $jobs()->where(fn($any) => $any->where(fn($one) => $one->whereNull("reserved_at")->where("available_at", "<=", $now))->orWhere("reserved_at", "<=", $limit));
    [$oldest, $newest] = [$ready()->min("available_at"), $jobs()->max("reserved_at")];
    $since = fn($moment) => $moment === null ? null : max(0, $now - (int) $moment);
    return ["ready" => $ready()->count(), "working" => $jobs()->where("reserved_at", ">", $limit)->count(), "later" => $jobs()->whereNull("reserved_at")->where("available_at", ">", $now)->count(), "oldest" => $since($oldest), "held" => $since($newest), "head" => $ready()->min("id")];
}

// What one worker was started with: its connection, queues, and the seconds a job may take and it may sleep.
function listening($config, array $words): array {
    $given = ["queue" => "", "timeout" => "60", "sleep" => "3", "rest" => "0"];
    $takes = ["name", "queue", "delay", "backoff", "max-jobs", "max-time", "memory", "sleep", "rest", "timeout", "tries", "env"];
    $connection = "";
    while (($word = array_shift($words)) !== null) {
        if (preg_match('/^--([a-z-]+)(?:=(.*))?$/Ds', $word, $match) === 1) {
            $value = $match[2] ?? null;
            if ($value === null && in_array($match[1], $takes, true) && isset($words[0]) && strncmp($words[0], "-", 1) !== 0) {
                $value = array_shift($words);
            }
            $given[$match[1]] = $value ?? "";
        } elseif ($connection === "" && strncmp($word, "-", 1) !== 0) {
            $connection = $word;
        }
    }
    $connection = $connection !== "" ? $connection : (string) $config->get("queue.default");
    $queues = $given["queue"] !== "" ? $given["queue"] : (string) ($config->get("queue.connections.$connection")["queue"] ?? "default");
    $short = fn($text) => substr($text, 0, 100);
    return ["connection" => $short($connection), "queues" => array_slice(array_map($short, explode(",", $queues)), 0, 20), "timeout" => max(0, (int) $given["timeout"]), "sleep" => max(0, (int) ceil(max((float) $given["sleep"], (float) $given["rest"])))];
}

// Beside one application stand others: a release is in a folder of that name, or shares .env or storage with ours.
function release(string $home, string $real): bool {
    if (dirname($home) !== dirname($real)) {
        return false;
    }
    $shares = fn($part) => file_exists("$home/$part") && realpath("$home/$part") === realpath("$real/$part");
    return basename(dirname($real)) === "releases" || $shares(".env") || $shares("storage");
}

// Horizon supervises its workers itself: that it is there is all that is said of it.
function workers($config, string $directory): array {
    [$real, $found, $horizon] = [realpath($directory), [], false];
    foreach (glob("/proc/[0-9]*", GLOB_ONLYDIR) ?: [] as $place) {
        $words = explode("\0", rtrim((string) @file_get_contents("$place/cmdline"), "\0"));
        $at = array_search("artisan", array_map("basename", $words), true);
        if ($at === false || !isset($words[$at + 1])) {
            continue;
        }
        $home = strpos($words[$at], "/") === 0 ? realpath(dirname($words[$at])) : preg_replace('/ \(deleted\)$/D', "", (string) @readlink("$place/cwd"));
        // A path to the current release is a link: a worker of an older one stays where it was started.
        $ours = $home === $real || (is_link($directory) && release((string) $home, (string) $real));
        if (!$ours || preg_match('/^.*\) (\S)(?: \S+){18} (\d+) /Ds', (string) @file_get_contents("$place/stat"), $stat) !== 1) {
            continue;
        }
        for ($verb = $at + 1; isset($words[$verb + 1]) && strncmp($words[$verb], "-", 1) === 0; $verb++) {
        }
        if (strncmp($words[$verb], "horizon", 7) === 0) {
            $horizon = true;
        } elseif (in_array("--once", $words, true)) {
            // Of `queue:listen`, one a job: whoever signals it breaks that job off, and its parent is listed.
            continue;
        } elseif (in_array($words[$verb], ["queue:work", "queue:listen"], true) && count($found) < 100) {
            preg_match_all('#/([^/\n]+\.service)(?=/|$)#m', (string) @file_get_contents("$place/cgroup"), $units);
            $found[] = ["pid" => (int) basename($place), "started" => (int) $stat[2], "stopped" => $stat[1] === "T", "unit" => substr((string) end($units[1]), 0, 250)] + listening($config, array_slice($words, $verb + 1));
        }
    }
    return [$found, $horizon];
}

// All queues that hold jobs, besides those that are named; and whether the whole store was looked through for them.
function queues($config, $queue, string $driver, array $named): array {
    if ($driver === "database") {
        $found = app("db")->connection($config["connection"] ?? null)->table($config["table"])->distinct()->limit(50)->pluck("queue")->all();
        return [array_unique(array_merge($named, $found)), count($found) < 50];
    }
    $client = $queue->getConnection()->client();
    $own = $client instanceof Redis ? (string) $client->getOption(Redis::OPT_PREFIX) : (string) app("config")->get("database.redis.options.prefix", "");
    [$cursor, $found, $until] = ["0", [], microtime(true) + 2];
    do {
        $words = ["SCAN", (string) $cursor, "MATCH", addcslashes($own, "*?[]\\") . "queues:*", "COUNT", "2000"];
        [$cursor, $keys] = $client instanceof Redis ? $client->rawCommand(...$words) : $client->executeRaw($words);
        foreach ($keys as $key) {
            if (preg_match('/^queues:(.{1,100}?)(:delayed|:reserved|:notify)?$/D', substr($key, strlen($own)), $match) === 1) {
                $found[$match[1]] = true;
            }
        }
    } while ((string) $cursor !== "0" && microtime(true) < $until);
    return [array_unique(array_merge($named, array_map("strval", array_keys($found)))), (string) $cursor === "0"];
}

function motion($config, $app, array $words, string $directory): array {
    $patience = (float) array_shift($words);
    $default = (string) $config->get("queue.default");
    [$workers, $horizon] = workers($config, $directory);
    [$whole, $stores, $queues, $named] = [true, [], [], $words];
    foreach (array_slice(array_unique([$default, ...array_column($workers, "connection")]), 0, 5) as $connection) {
        $settings = (array) $config->get("queue.connections.$connection");
        $driver = (string) ($settings["driver"] ?? "");
        if (in_array($driver, ["redis", "database"], true)) {
            if ($driver === "database") {
                $base = (string) ($settings["connection"] ?? $config->get("database.default"));
                // PDO::ATTR_TIMEOUT, in seconds: the class may be missing.
                $config->set("database.connections.$base.options", [2 => 2] + (array) $config->get("database.connections.$base.options"));
            }
            $stores[$connection] = [$settings, $app->make("queue")->connection($connection), $driver];
            // What a worker listens to is looked into, however much else there is to look through.
            $heard = array_column(array_filter($workers, fn($each) => $each["connection"] === $connection), "queues");
            $sure = array_values(array_unique(array_merge($connection === $default ? $named : [], ...$heard)));
            [$names, $all] = queues(...[...$stores[$connection], $sure]);
            $whole = $whole && $all && count($names) <= 50;
            foreach (array_slice($names, 0, 50) as $name) {
                $now = kept(...[...$stores[$connection], $name]);
                $queues[] = ["connection" => $connection, "name" => $name, "before" => $now["ready"], "waiting" => $now["ready"], "taken" => $now["ready"] === 0] + $now;
            }
        }
    }
    $driver = (string) ($config->get("queue.connections.$default")["driver"] ?? "");
    $began = microtime(true);
    // Until something was taken from every queue in which something waits, and none of them grows.
    while (array_sum(array_column($queues, "before")) > 0 && ($passed = microtime(true) - $began) < $patience) {
        $rising = array_filter($queues, fn($each) => $each["waiting"] > $each["before"]);
        if ($passed > 3 && $rising === [] && !in_array(false, array_column($queues, "taken"), true)) {
            break;
        }
        usleep(250000);
        foreach ($queues as &$each) {
            $now = kept(...[...$stores[$each["connection"]], $each["name"]]);
            $each["taken"] = $each["taken"] || $now["head"] !== $each["head"];
            $each["working"] = max($each["working"], $now["working"]);
            foreach (["waiting" => "ready", "later" => "later", "oldest" => "oldest", "held" => "held"] as $to => $from) {
                $each[$to] = $now[$from];
            }
        }
        unset($each);
    }
    $told = array_map(fn($each) => ["connection" => $each["connection"] === $default ? "" : $each["connection"]] + array_diff_key($each, ["ready" => 0, "head" => 0]), $queues);
    // What they are doing now, after the look, and with what they were started.
    [$workers, $horizon] = workers($config, $directory);
    return ["state" => "ok", "connection" => $default, "driver" => $driver, "seconds" => round(microtime(true) - $began, 1), "whole" => $whole, "queues" => $told, "workers" => $workers, "horizon" => $horizon];
}

try {
    $config = $app->make("config");
    if ($question === "motion") {
        $answer = motion($config, $app, $names, $directory);
    } else {
        $answer = $question === "flow" ? flow($config, $app, $names) : failed($config, $app, $names);
    }
} catch (Throwable $error) {
    $answer = trouble($error);
}
echo "\nremediate:", json_encode($answer), "\n";
