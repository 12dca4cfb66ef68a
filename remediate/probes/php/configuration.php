<?php
// Compare the configuration that is in use with what .env and config/*.php would give now. Argument: directory of
// artisan. Prints names, never values.
[, $directory] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
function answer(array $found): void {
    echo "\nremediate:", json_encode($found), "\n";
    exit(0);
}
function flat(array $values, string $prefix): array {
    $found = [];
    foreach ($values as $name => $value) {
        if (is_array($value) && $value !== []) { $found += flat($value, "$prefix$name."); } else { $found["$prefix$name"] = $value; }
    }
    return $found;
}
// Not by ==, to which "1e3" and "1000" are the same.
function another($was, $now): bool {
    return is_object($was) && is_object($now) ? $was != $now : $was !== $now;
}
chdir($directory);
require "$directory/vendor/autoload.php";
error_reporting(0);
$live = "$directory/bootstrap/cache/config.php";
$found = ["cached" => is_file($live), "env" => "sound", "message" => "", "differs" => [], "external" => []];
$env = [];
if (!is_file("$directory/.env")) {
    $found["env"] = "missing";
    $found["message"] = "$directory/.env does not exist";
    answer($found);
}
if (!is_readable("$directory/.env")) {
    $found["env"] = "broken";
    $found["message"] = "$directory/.env cannot be read";
    answer($found);
}
try {
    $env = Dotenv\Dotenv::createArrayBacked($directory, ".env")->load();
} catch (Throwable $error) {
    $found["env"] = "broken";
    $found["message"] = "$directory/.env cannot be parsed";
    // What the parser says has the value in it. The line is enough: the first that cannot be parsed with all before it.
    $text = "";
    foreach (file("$directory/.env") ?: [] as $index => $line) {
        $text .= $line;
        try {
            Dotenv\Dotenv::parse($text);
        } catch (Throwable $error) {
            $found["message"] .= ", line " . ($index + 1);
            break;
        }
    }
    answer($found);
}
// What a pool or a running worker is given from outside counts more than what .env says.
$php = PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION;
$outside = [];
foreach (glob("/etc/php/$php/fpm/pool.d/*.conf") as $pool) {
    preg_match_all('/^[ \t]*env\[([A-Za-z0-9_]+)\][ \t]*=/m', (string) file_get_contents($pool), $set);
    $outside += array_fill_keys($set[1], null);
}
$pools = $outside;
foreach (glob("/proc/[0-9]*/environ") as $each) {
    if (!preg_match('~(^|[/\0])artisan\0~', (string) file_get_contents(dirname($each) . "/cmdline"))) { continue; }
    foreach (explode("\0", (string) file_get_contents($each)) as $assignment) {
        [$name, $value] = explode("=", $assignment, 2) + ["", ""];
        if (array_key_exists($name, $env) && $env[$name] !== $value) { $outside[$name] = null; }
    }
}
$found["external"] = array_values(array_intersect(array_keys($outside), array_keys($env)));
// Then another file is in use than the one that is known here.
if (array_key_exists("APP_CONFIG_CACHE", $env + $pools)) {
    $found["env"] = "unusable";
    $found["message"] = "APP_CONFIG_CACHE puts the cached configuration elsewhere";
    answer($found);
}
if (!$found["cached"]) { answer($found); }
// One that PHP cannot read takes every page down; anything would be another one.
try {
    $used = (static function (string $path) { return require $path; })($live);
} catch (Throwable $error) {
    $used = [];
}
// As `artisan config:cache` does: the whole application, started without what is cached.
$_SERVER["APP_CONFIG_CACHE"] = $_ENV["APP_CONFIG_CACHE"] = "$directory/bootstrap/cache/config.none.php";
putenv("APP_CONFIG_CACHE=$directory/bootstrap/cache/config.none.php");
$through = false;
register_shutdown_function(static function () use (&$found, &$through) {
    if ($through) { return; }
    // It died half-way, and the framework may have said on its way out what no log should hold.
    $found["env"] = "unusable";
    $found["message"] = "the application does not start with .env and config/*.php as they are" . (($found["message"] ?? "") === "" ? "" : " ({$found["message"]})");
    echo "\nremediate:", json_encode($found), "\n";
});
try {
    $app = require "$directory/bootstrap/app.php";
    error_reporting(0);
    $app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
    error_reporting(0);
    $fresh = $app->make("config")->all();
} catch (Throwable $error) {
    $found["message"] = get_class($error);
    exit(0);
}
if (!is_array($used)) { $used = []; }
[$was, $now] = [flat($used, ""), flat($fresh, "")];
foreach (array_keys($was + $now) as $name) {
    if (!array_key_exists($name, $was) || !array_key_exists($name, $now) || another($was[$name], $now[$name])) { $found["differs"][] = (string) $name; }
}
sort($found["differs"]);
$found["differs"] = array_slice($found["differs"], 0, 100);
$through = true;
answer($found);
