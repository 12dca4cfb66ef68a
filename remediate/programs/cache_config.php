<?php
// Build the configuration cache beside the one in use, check it, and put it in its place by rename. Argument:
// directory of artisan. `artisan config:cache` itself removes the cache first and writes it in pieces: while it works,
// or when .env is broken, requests find none, or half of one.
[, $directory] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
umask(077);
$next = null;
function refuse(string $why): void {
    global $next;
    if ($next !== null) { @unlink($next); }
    fwrite(STDERR, "$why\n");
    exit(1);
}
function command(?array $environment, string ...$argv): string {
    $given = $environment === null ? null : $environment + getenv();
    $process = proc_open($argv, [1 => ["pipe", "w"], 2 => ["redirect", 1]], $pipes, null, $given);
    $said = is_resource($process) ? trim(stream_get_contents($pipes[1])) : "";
    if (!is_resource($process) || proc_close($process) !== 0) { refuse(basename($argv[0]) . " " . ($argv[1] ?? "") . " failed: " . strtok($said, "\n")); }
    return $said;
}
chdir($directory);
$live = "$directory/bootstrap/cache/config.php";
foreach (glob("$directory/bootstrap/cache/config.remediate-*.php") as $each) { unlink($each); }
$next = "$directory/bootstrap/cache/config.remediate-" . bin2hex(random_bytes(4)) . ".php";
$staged = ["APP_CONFIG_CACHE" => $next];
command($staged, PHP_BINARY, "$directory/artisan", "config:cache", "--no-ansi");
// Its exit status says little: on a full disk it is 0.
if (!is_file($next)) { refuse("artisan config:cache made no file"); }
command(null, PHP_BINARY, "-l", $next);
$built = (static function (string $path) { return require $path; })($next);
if (!is_array($built) || !isset($built["app"]["providers"])) { refuse("artisan config:cache made a file without a configuration"); }
command($staged, PHP_BINARY, "$directory/artisan", "env", "--no-ansi");
clearstatcache();
if (is_file($live)) {
    if (is_link($live)) { refuse("$live is a symbolic link: it would be replaced"); }
    command(null, "cp", "--no-target-directory", "--attributes-only", "--preserve=mode,ownership,xattr", "--", $live, $next);
    clearstatcache();
    [$was, $is] = [stat($live), stat($next)];
    foreach (["uid", "gid", "mode"] as $each) {
        if ($was[$each] !== $is[$each]) { refuse("$live: its $each cannot be kept"); }
    }
} else {
    // As the framework itself leaves it: readable to whoever the application's files are.
    chmod($next, fileperms("$directory/bootstrap/cache") & 0666);
}
command(null, "sync", "--", $next);
if (!rename($next, $live)) { refuse("$live cannot be replaced"); }
$next = null;
command(null, "sync", "--", dirname($live));
