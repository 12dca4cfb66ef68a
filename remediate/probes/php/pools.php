<?php
// Ask every pool of one PHP-FPM for any answer at all, and look whether its children work meanwhile.
// Arguments: directory of the pool files, seconds to wait, systemd unit. Prints one JSON document.
[, $directory, $seconds, $unit] = $argv;

function record(int $type, string $content): string {
    return pack("CCnnCC", 1, $type, 1, strlen($content), 0, 0) . $content;
}

function ping(string $listen, string $path, float $seconds): string {
    $address = str_starts_with($listen, "/") ? "unix://$listen" : "tcp://" . (ctype_digit($listen) ? "127.0.0.1:$listen" : $listen);
    $stream = @stream_socket_client($address, $code, $message, $seconds);
    if ($stream === false) {
        // EAGAIN of a Unix socket, ETIMEDOUT of a TCP one: somebody listens, and the queue is full.
        return $code === 11 || $code === 110 ? "full" : ($code === 13 ? "forbidden" : "refused");
    }
    stream_set_timeout($stream, (int) $seconds);
    $parameters = "";
    foreach (["SCRIPT_FILENAME" => $path, "SCRIPT_NAME" => $path, "REQUEST_URI" => $path, "REQUEST_METHOD" => "GET"] as $name => $value) {
        $parameters .= chr(strlen($name)) . chr(strlen($value)) . $name . $value;
    }
    fwrite($stream, record(1, pack("nCx5", 1, 0)) . record(4, $parameters) . record(4, "") . record(5, ""));
    return strlen((string) fread($stream, 8)) === 8 ? "answered" : "silent";
}

function ticks(string $pool, string $main): array {
    $children = 0;
    $ticks = 0;
    foreach (glob("/proc/[0-9]*/cmdline") as $file) {
        if (rtrim((string) @file_get_contents($file), "\0 ") !== "php-fpm: pool $pool") {
            continue;
        }
        $fields = explode(" ", preg_replace("/^.*\\) /", "", (string) @file_get_contents(dirname($file) . "/stat")));
        if (($fields[1] ?? "") !== $main) {
            continue;
        }
        $children += 1;
        $ticks += (int) ($fields[11] ?? 0) + (int) ($fields[12] ?? 0);
    }
    return [$children, $ticks];
}

$pools = [];
foreach (glob("$directory/*.conf") as $file) {
    $name = null;
    foreach (file($file) as $line) {
        if (preg_match("/^\\s*\\[([^]]+)\\]/", $line, $found)) {
            $name = $found[1];
        } elseif ($name !== null && preg_match("/^\\s*(listen|ping\\.path|pm\\.max_children)\\s*=\\s*\"?([^;\"\\s]+)/", $line, $found)) {
            $pools[$name][$found[1]] = $found[2];
        }
    }
}
// Every PHP has a pool "www": only what this unit's main process started is this one's.
if ($pools && !preg_match("/^MainPID=([0-9]+)$/m", (string) shell_exec("systemctl show -p MainPID " . escapeshellarg($unit) . " 2>/dev/null"), $main)) {
    fwrite(STDERR, "systemd does not tell the main process of $unit\n");
    exit(1);
}
$answer = [];
foreach ($pools as $name => $pool) {
    $listen = str_replace('$pool', $name, $pool["listen"] ?? "");
    if ($listen === "") {
        continue;
    }
    [, $before] = ticks($name, $main[1]);
    $ping = ping($listen, $pool["ping.path"] ?? "/remediate-ping", (float) $seconds);
    [$children, $after] = ticks($name, $main[1]);
    $filter = str_starts_with($listen, "/") ? "-x src " . escapeshellarg($listen) : "-t sport = " . escapeshellarg(":" . preg_replace("/^.*:/", "", $listen));
    $queue = preg_split("/\\s+/", trim((string) shell_exec("ss -lnH $filter 2>/dev/null")));
    $answer[] = [
        "name" => $name,
        "listen" => $listen,
        "ping" => $ping,
        "listens" => trim($queue[0] ?? "") !== "",
        "queue" => str_starts_with($listen, "/") ? (int) ($queue[2] ?? 0) : (int) ($queue[1] ?? 0),
        "children" => $children,
        "max_children" => (int) ($pool["pm.max_children"] ?? 0),
        "ticks" => max(0, $after - $before),
    ];
}
echo "remediate:", json_encode($answer), "\n";
