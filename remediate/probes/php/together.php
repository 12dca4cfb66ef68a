<?php
// Answer several of the questions about an application with one start of it. Each is answered by a process of its own,
// made once the application stands, so that one that hangs or dies takes no other with it.
// Argument: directory of artisan. Standard input: a JSON list, for each question the name of its program, the arguments
// after the directory, and the seconds that it may take. Prints `answered N TEXT` for each that ended well, with what
// its program prints by itself in base64. Whatever is not answered so has to be asked by itself.
[, $directory] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
// A server that takes connections and says nothing keeps nobody waiting: the application may ask it while it starts.
ini_set("mysqlnd.net_read_timeout", "4");
ini_set("default_socket_timeout", "4");
$questions = json_decode((string) stream_get_contents(STDIN), true);
if (!is_array($questions) || !function_exists("pcntl_fork") || !function_exists("posix_kill")) {
    exit(69);
}
if (count($questions) > 40) {
    exit(69);
}
// sudo cannot be ended by the one that calls it, so this ends by itself, whatever the start of the application does.
pcntl_alarm(27);
$programs = [
    "app" => function (array $argv, $app) {
        // include app.php
    },
    "cache" => function (array $argv, $app) {
        // include cache.php
    },
    "queue" => function (array $argv, $app) {
        // include queue.php
    },
    "redis" => function (array $argv, $app) {
        // include redis.php
    },
];

function connections(): int {
    $files = array_map(fn($each) => (string) @readlink($each), glob("/proc/self/fd/*") ?: []);
    return count(array_filter($files, fn($each) => strncmp($each, "socket:", 7) === 0));
}

// A connection that was made while the application started would be one for all of them.
function disconnected($app): void {
    if ($app->resolved("db")) {
        foreach (array_keys($app->make("db")->getConnections()) as $name) {
            $app->make("db")->purge($name);
        }
    }
    if ($app->resolved("redis")) {
        foreach (array_keys((array) $app->make("redis")->connections()) as $name) {
            $app->make("redis")->purge($name);
        }
    }
}

// In the process that answers: what it prints goes to the one that collects it, and a NUL when that is all. It ends
// without a shutdown, which the one that has started the application sees to.
function answer($pipe, callable $program, string $printed, array $argv, $app): void {
    $send = function (string $text) use ($pipe): string {
        while ($text !== "" && ($sent = fwrite($pipe, $text)) > 0) {
            $text = substr($text, $sent);
        }
        return "";
    };
    ob_start($send, 1);
    echo $printed;
    $program($argv, $app);
    ob_end_flush();
    fwrite($pipe, "\0");
    posix_kill(posix_getpid(), 9);
}

$open = connections();
chdir($directory);
ob_start();
require "$directory/vendor/autoload.php";
$loaded = ob_get_contents();
$app = require "$directory/bootstrap/app.php";
error_reporting(0);
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
error_reporting(0);
$started = ob_get_clean();
disconnected($app);
if ($started === false || connections() !== $open) {
    exit(69);
}

$waiting = [];
foreach ($questions as $number => [$name, $arguments, $seconds]) {
    $seconds = max(1, min(25, (float) $seconds));
    $pair = isset($programs[$name]) ? stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0) : false;
    $child = $pair === false ? -1 : pcntl_fork();
    if ($child === 0) {
        pcntl_alarm((int) $seconds + 1);
        fclose($pair[0]);
        // Started anew, it prints anew what it has to say then.
        $printed = $name === "cache" ? $loaded : $started;
        answer($pair[1], $programs[$name], $printed, array_merge(["-", $directory], array_map("strval", $arguments)), $app);
        exit(1);
    }
    if ($child > 0) {
        fclose($pair[1]);
        $waiting[$number] = [$child, $pair[0], microtime(true) + $seconds, ""];
    }
}
while ($waiting !== []) {
    $ready = array_column($waiting, 1);
    [$none, $left] = [null, max(0, min(array_column($waiting, 2)) - microtime(true))];
    stream_select($ready, $none, $none, (int) $left, (int) (($left - (int) $left) * 1000000) + 1000);
    foreach ($waiting as $number => [$child, $pipe, $until]) {
        if (in_array($pipe, $ready, true)) {
            $text = fread($pipe, 65536);
            $waiting[$number][3] .= $text;
            if ($text !== "" && $text !== false) {
                continue;
            }
        } elseif (microtime(true) < $until) {
            continue;
        } else {
            posix_kill($child, 9);
        }
        pcntl_waitpid($child, $status);
        if (substr($waiting[$number][3], -1) === "\0") {
            echo "answered $number ", base64_encode(substr($waiting[$number][3], 0, -1)), "\n";
        }
        unset($waiting[$number]);
    }
}
