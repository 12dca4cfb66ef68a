<?php
// Look through the application's own code for what it keeps in the cache besides copies: locks, marks, Redis itself.
// Argument: directory of artisan. Prints one JSON document behind a marker: names of files, and of what stands in them.
[, $directory] = $argv;
error_reporting(0);
ini_set("display_errors", "0");

$composer = json_decode((string) file_get_contents("$directory/composer.json"), true);
$whole = is_array($composer);
$places = ["app", "routes", "config", "bootstrap/app.php"];
foreach (["psr-4", "psr-0", "classmap", "files"] as $kind) {
    foreach ((array) ($composer["autoload"][$kind] ?? []) as $listed) { array_push($places, ...(array) $listed); }
}

// Atomic operations of a cache, and what the framework builds on them.
$patterns = [
    '/\b(ShouldBeUnique\w*|[wW]ithoutOverlapping|onOneServer)\b/',
    '/\b[cC]ache\w*(?:\([^()]*\))?(?:(?:->|::)(?:store|driver|tags)\([^()]*\))?(?:->|::)(lock|restoreLock|add|has|missing|funnel)\s*\(/',
    '/(idempoten)\w*/i',
    '/\b(Redis)(?:::|Manager\b)|Facades\\\\(Redis)\b|Contracts\\\\(Redis)\b/',
];

function texts(string $path): Generator {
    // A link may lead round in circles: what is behind it is unknown.
    if (is_link($path) && (is_dir($path) || !is_readable($path))) { yield $path => null; return; }
    if (is_dir($path)) {
        $names = scandir($path);
        if ($names === false) { yield $path => null; return; }
        foreach (array_diff($names, [".", "..", "vendor", "node_modules"]) as $name) { yield from texts("$path/$name"); }
    } elseif (substr($path, -4) === ".php") {
        yield $path => is_readable($path) && filesize($path) < 2000000 ? php_strip_whitespace($path) : null;
    }
}

$until = microtime(true) + 4;
$looked = 0;
$found = [];
foreach (array_unique(array_map(fn($place) => rtrim("$directory/$place", "/"), $places)) as $place) {
    if (!file_exists($place)) { continue; }
    foreach (texts($place) as $path => $text) {
        if ($text === null || microtime(true) > $until) { $whole = false; break 2; }
        $looked++;
        foreach ($patterns as $pattern) {
            if (preg_match($pattern, $text, $word) === 1) {
                $found[substr($path, strlen($directory) + 1)] = end($word);
            }
        }
    }
}
ksort($found);
$told = array_map(fn($path, $word) => "$path ($word)", array_keys($found), $found);
echo "\nremediate:", json_encode(["found" => array_slice($told, 0, 20), "whole" => $whole && $looked > 0], JSON_INVALID_UTF8_SUBSTITUTE), "\n";
