<?php
// Which key of .env says where the cache is, whether a cache in files could take its place, and whether one does.
// Argument: directory of artisan. Prints one JSON document behind a marker: names, never another value of .env.
[, $directory] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
chdir($directory);
// Where several are asked at once (together.php), its classes are known already; it is started anew all the same.
if (!isset($app)) {
    require "$directory/vendor/autoload.php";
}
$app = require "$directory/bootstrap/app.php";
error_reporting(0);
$live = $app->getCachedConfigPath();
$cached = is_file($live) ? (static fn(string $path) => require $path)($live) : null;
$_SERVER["APP_CONFIG_CACHE"] = $_ENV["APP_CONFIG_CACHE"] = "/nonexistent/config.php";
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
error_reporting(0);
$config = $app->make("config");

// Not the version but the application's own config file decides which key has an effect, so it is tried.
function key_of(string $file): ?string {
    foreach (["CACHE_STORE", "CACHE_DRIVER"] as $key) {
        $was = $_SERVER[$key] ?? null;
        $_SERVER[$key] = "remediate-tries";
        $read = (static fn(string $path) => require $path)($file);
        if ($was === null) { unset($_SERVER[$key]); } else { $_SERVER[$key] = $was; }
        if (($read["default"] ?? null) === "remediate-tries") { return $key; }
    }
    return null;
}

$file = "$directory/config/cache.php";
$key = is_file($file) ? key_of($file) : (version_compare($app->version(), "11", ">=") ? "CACHE_STORE" : null);
$stores = (array) $config->get("cache.stores");
$names = array_keys(array_filter($stores, fn($store) => ($store["driver"] ?? null) === "file"));
$store = in_array("file", $names, true) ? "file" : ($names[0] ?? null);
$place = $store === null ? null : (string) $stores[$store]["path"];
$there = $place;
while ($there !== null && !file_exists($there) && $there !== "/") { $there = dirname($there); }
$marker = storage_path("framework/remediate-cache-fallback");
$before = is_file($marker) ? trim((string) file_get_contents($marker)) : "";
$before = preg_match("/^[A-Za-z0-9_-]{1,64}$/D", $before) ? $before : null;
echo "\nremediate:", json_encode([
    "version" => $app->version(),
    "key" => $key,
    "now" => (string) ($cached === null ? $config->get("cache.default") : $cached["cache"]["default"]),
    "file" => $store,
    "writable" => $there !== null && is_dir($there) && is_writable($there),
    "roomy" => $there !== null && disk_free_space($there) >= 268435456,
    "before" => $before,
    "connection" => ($stores[$before]["driver"] ?? null) === "redis" ? (string) ($stores[$before]["connection"] ?? "default") : null,
    "moved" => $before === null ? null : filemtime($marker),
]), "\n";
