<?php
// Build the configuration cache beside the one in use, check it, and put it in its place by rename. Argument:
// directory of artisan. `artisan config:cache` itself removes the cache first and writes it in pieces: while it works,
// or when .env is broken, requests find none, or half of one.
[, $directory] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
umask(077);
$next = null;
// Also when PHP itself gives up: what is left behind would hold every secret of the application.
register_shutdown_function(static function () use (&$next) { if ($next !== null) { @unlink($next); } });
function refuse(string $why): void {
    fwrite(STDERR, "$why\n");
    exit(1);
}
// What artisan or PHP say when they fail may have a value of the configuration in it: only tools are quoted.
function command(?array $environment, ?string $name, string ...$argv): void {
    $given = $environment === null ? null : $environment + getenv();
    $process = proc_open($argv, [0 => ["file", "/dev/null", "r"], 1 => ["pipe", "w"], 2 => ["redirect", 1]], $pipes, null, $given);
    if (!is_resource($process)) { refuse(($name ?? $argv[0]) . " cannot be started"); }
    $said = trim(stream_get_contents($pipes[1]));
    $status = proc_close($process);
    if ($status !== 0) { refuse($name === null ? "$argv[0] failed: $said" : "$name ended with $status"); }
}
// One release, even if another one is put in its place meanwhile.
$directory = realpath($directory);
if ($directory === false || !chdir($directory)) { refuse("$argv[1] cannot be entered"); }
$live = realpath("$directory/bootstrap/cache/config.php") ?: "$directory/bootstrap/cache/config.php";
$home = dirname($live);
foreach (scandir($home) ?: [] as $each) {
    if (preg_match('/^config[.]remediate-[0-9a-f]+[.]php$/D', $each)) { unlink("$home/$each"); }
}
$next = "$home/config.remediate-" . bin2hex(random_bytes(4)) . ".php";
$staged = ["APP_CONFIG_CACHE" => $next];
command($staged, "artisan config:cache", PHP_BINARY, "$directory/artisan", "config:cache", "--no-ansi", "--no-interaction");
// Its exit status says little: on a full disk it is 0.
clearstatcache();
if (!is_file($next)) { refuse("artisan config:cache made no file"); }
command(null, "php -l", PHP_BINARY, "-l", $next);
$built = (static function (string $path) { return require $path; })($next);
if (!is_array($built) || !is_array($built["app"] ?? null)) { refuse("artisan config:cache made a file without a configuration"); }
command($staged, "the application with its new configuration", PHP_BINARY, "$directory/artisan", "env", "--no-ansi", "--no-interaction");
clearstatcache();
if (is_file($live)) {
    command(null, null, "cp", "--no-target-directory", "--attributes-only", "--preserve=mode,ownership,xattr", "--", $live, $next);
    clearstatcache();
    [$was, $is] = [stat($live), stat($next)];
    foreach (["uid", "gid", "mode"] as $each) {
        if ($was[$each] !== $is[$each]) { refuse("$live: its $each cannot be kept"); }
    }
} else {
    // As the framework itself leaves it: readable to whoever the application's files are.
    chmod($next, fileperms($home) & 0666);
}
command(null, null, "sync", "--", $next);
if (!rename($next, $live)) { refuse("$live cannot be replaced"); }
$next = null;
// A worker that was started until now may have read the old one.
touch($live);
command(null, null, "sync", "--", $home);
