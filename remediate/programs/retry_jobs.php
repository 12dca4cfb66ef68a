<?php
// Retry failed jobs, one first and then a few at a time, and stop at the first that fails again.
// Arguments: directory of artisan, size of a batch, seconds that a batch may take, seconds that all may take. Standard
// input: one id a line, as `artisan queue:retry` takes it, in the order to retry them in.
// A job is claimed before it is pushed: its row in the table of failed jobs is marked, in its payload, and only whoever
// marked it goes on. The framework then pushes it and deletes the row, in this order. Where that is cut short, the
// marked row remains, nobody retries it again, and a person decides.
// Ends with 0 when all were processed, 1 when one failed again, 2 when time was over, 3 when one could not be pushed.
[, $directory, $batch, $patience, $budget] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
chdir($directory);
require "$directory/vendor/autoload.php";
$app = require "$directory/bootstrap/app.php";
error_reporting(0);
$kernel = $app->make("Illuminate\\Contracts\\Console\\Kernel");
$kernel->bootstrap();
error_reporting(0);
$settings = (array) $app->make("config")->get("queue.failed");
$column = ($settings["driver"] ?? "database-uuids") === "database-uuids" ? "uuid" : "id";
$connection = $app->make("db")->connection($settings["database"] ?? null);
$end = microtime(true) + (float) $budget;

function say(string $text, int $status): void {
    fwrite(STDERR, "$text\n");
    exit($status);
}

function queued($app, string $connection, string $name): string {
    $config = (array) $app->make("config")->get("queue.connections.$connection");
    if (($config["driver"] ?? "") === "redis") {
        $queue = $app->make("queue")->connection($connection);
        $redis = $queue->getConnection();
        $key = $queue->getQueue($name);
        return implode("\n", array_merge($redis->lrange($key, 0, -1), $redis->zrange("$key:delayed", 0, -1), $redis->zrange("$key:reserved", 0, -1)));
    }
    $table = $app->make("db")->connection($config["connection"] ?? null)->table($config["table"]);
    return implode("\n", $table->where("queue", $name)->pluck("payload")->all());
}

function failed_again($rows, array $job): bool {
    return $rows()->where("id", ">", $job["row"])->where("payload", "like", "%" . $job["uuid"] . "%")->exists();
}

function push($connection, $rows, $kernel, string $column, string $id): ?array {
    $row = $rows()->where($column, $id)->first();
    if ($row === null) {
        return null;
    }
    $payload = json_decode($row->payload, true);
    if (!is_array($payload) || !is_string($payload["uuid"] ?? null) || (int) ($payload["remediate"]["row"] ?? 0) === (int) $row->id) {
        return null;
    }
    $payload["remediate"] = ["row" => (int) $row->id, "at" => time()];
    $claimed = $rows()->where("id", $row->id)->where("payload", $row->payload)->update(["payload" => json_encode($payload)]);
    if ($claimed !== 1) {
        return null;
    }
    // The row stays locked until it is gone: a worker that fails at once could not note that beside it.
    $connection->transaction(function () use ($rows, $row, $kernel, $id) {
        if ($rows()->where("id", $row->id)->lockForUpdate()->exists()) {
            $kernel->call("queue:retry", ["id" => [$id]]);
        }
    });
    if ($rows()->where("id", $row->id)->exists()) {
        throw new RuntimeException("it is still among the failed jobs");
    }
    return ["id" => $id, "uuid" => $payload["uuid"], "row" => (int) $row->id, "connection" => $row->connection, "queue" => $row->queue];
}

$rows = function () use ($connection, $settings) {
    return $connection->table($settings["table"]);
};
$ids = array_values(array_filter(array_map("trim", explode("\n", (string) stream_get_contents(STDIN))), "strlen"));
$done = 0;
$size = 1;
while ($ids !== []) {
    $pending = [];
    foreach (array_splice($ids, 0, $size) as $id) {
        try {
            $job = push($connection, $rows, $kernel, $column, $id);
        } catch (Throwable $error) {
            say("$id could not be pushed: " . get_class($error) . "; $done were processed, " . count($ids) . " left alone", 3);
        }
        if ($job !== null) {
            $pending[$id] = $job + ["gone" => null];
        }
    }
    $until = microtime(true) + (float) $patience;
    while ($pending !== []) {
        usleep(200000);
        // Before the failed ones: a worker takes a job off the queue, and then notes its failure.
        $texts = [];
        foreach ($pending as $job) {
            $where = $job["connection"] . "/" . $job["queue"];
            $texts[$where] = $texts[$where] ?? queued($app, $job["connection"], $job["queue"]);
        }
        foreach ($pending as $id => $job) {
            if (failed_again($rows, $job)) {
                say("$id failed again; $done were processed, " . count($ids) . " left alone", 1);
            }
            if (strpos($texts[$job["connection"] . "/" . $job["queue"]], $job["uuid"]) !== false) {
                $pending[$id]["gone"] = null;
            } elseif ($job["gone"] === null) {
                $pending[$id]["gone"] = microtime(true);
            } elseif (microtime(true) - $job["gone"] > 1) {
                unset($pending[$id]);
                $done++;
            }
        }
        if ($pending !== [] && microtime(true) > $until) {
            say(count($pending) . " still in the queue after $patience s; $done were processed, " . count($ids) . " left alone", 2);
        }
    }
    if ($ids !== [] && microtime(true) > $end) {
        say("time is over; $done were processed, " . count($ids) . " left alone", 2);
    }
    $size = max(1, (int) $batch);
}
echo "\nremediate:", json_encode(["processed" => $done]), "\n";
