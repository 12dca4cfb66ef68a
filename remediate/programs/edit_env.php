<?php
// Set one key of .env. Argument: directory of artisan. Input: JSON with key, value (base64) and seen (SHA-256 of the
// file when it was decided). The new file is made beside the old one with its owner, mode and ACL, read back by the
// application's own parser, and takes its place by rename: whoever reads at any moment reads one or the other, whole.
// The old one stays as .env.remediate-TIME; five of those are kept.
[, $directory] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
umask(077);
$new = null;
// Also when PHP itself gives up: what is left behind would hold every secret of the application.
register_shutdown_function(static function () use (&$new) { if ($new !== null) { @unlink($new); } });
function refuse(string $why): void {
    fwrite(STDERR, "$why\n");
    exit(1);
}
function command(string ...$argv): void {
    $process = proc_open($argv, [0 => ["file", "/dev/null", "r"], 1 => ["file", "/dev/null", "w"], 2 => ["pipe", "w"]], $pipes);
    $said = is_resource($process) ? trim(stream_get_contents($pipes[2])) : "";
    if (!is_resource($process) || proc_close($process) !== 0) { refuse("$argv[0] failed: $said"); }
}
// As the application reads it: by its own parser, whatever the process environment says.
function parsed(string $path): ?array {
    try {
        return Dotenv\Dotenv::createArrayBacked(dirname($path), basename($path))->load();
    } catch (Throwable $error) {
        return null;
    }
}
function understood(string $text): ?array {
    try {
        return Dotenv\Dotenv::parse(substr($text, 0, 3) === "\xEF\xBB\xBF" ? substr($text, 3) : $text);
    } catch (Throwable $error) {
        return null;
    }
}
// Not by glob: a directory may have a bracket in its name.
function ours(string $home): array {
    $names = array_filter(scandir($home) ?: [], static fn($name) => strpos($name, ".env.remediate-") === 0);
    return array_map(static fn($name) => "$home/$name", array_values($names));
}
function written(string $value): string {
    if (preg_match('~^[A-Za-z0-9_./:@%+,=-]*$~D', $value)) { return $value; }
    // Not with a double quote in it: after an equals sign that looks like the start of several lines to phpdotenv.
    if (!preg_match("~['\"\\r\\n]~", $value)) { return "'$value'"; }
    $escaped = ["\\" => "\\\\", "\"" => "\\\"", "$" => "\\$", "\n" => "\\n", "\r" => "\\r"];
    return "\"" . strtr($value, $escaped) . "\"";
}
$asked = json_decode(stream_get_contents(STDIN), true);
$key = $asked["key"] ?? null;
$value = base64_decode($asked["value"] ?? "", true);
if (!is_string($key) || !is_string($value)) { refuse("nothing to set was read"); }
// The framework's env() takes such quotes off, whatever the file says.
if (preg_match('/\A([\'"])(.*)\1\z/', $value)) { refuse("$key: the framework would take the quotes around this value off"); }
require "$directory/vendor/autoload.php";
error_reporting(0);
$path = realpath("$directory/.env");
if ($path === false || !is_file($path)) { refuse("$directory/.env is not a file"); }
$home = dirname($path);
$was = stat($path);
// A second name for the file that is in place is left from an edit that was cut short after it had made it.
foreach (ours($home) as $each) {
    if ((lstat($each)["ino"] ?? null) === $was["ino"] || substr($each, -4) === ".new") { unlink($each); }
}
clearstatcache();
$was = stat($path);
if ($was["nlink"] !== 1) { refuse("$path has another name (hard link): a new file would part them"); }
$old = file_get_contents($path);
if (!is_string($old) || hash("sha256", $old) !== $asked["seen"]) { refuse("$path has changed since it was looked at"); }
$before = understood($old);
if ($before === null || parsed($path) === null) { refuse("$path cannot be parsed as it is"); }
// A value is in double quotes, in single quotes, or ends before a comment or at the end of its line.
$quoted = '"(?:[^"\\\\]|\\\\.)*+"|\'[^\']*+\'|[^\r\n#]*?';
$pattern = "~^(\\xEF\\xBB\\xBF)?([ \\t]*(?:export[ \\t]+)?" . preg_quote($key, "~") . "[ \\t]*=[ \\t]*)(?:$quoted)([ \\t]*(?:\\#[^\\r\\n]*)?)(?=\\r?$)~ms";
$texts = [];
if (preg_match_all($pattern, $old, $found, PREG_OFFSET_CAPTURE)) {
    foreach (array_keys($found[0]) as $index) {
        [$whole, $at] = $found[0][$index];
        $line = ($found[1][$index][0] ?? "") . $found[2][$index][0] . written($value) . $found[3][$index][0];
        $texts[] = substr($old, 0, $at) . $line . substr($old, $at + strlen($whole));
    }
}
$end = strpos($old, "\r\n") === false ? "\n" : "\r\n";
array_unshift($texts, $old . ($old === "" || substr($old, -1) === "\n" ? "" : $end) . "$key=" . written($value) . $end);
// The last one is what counts, unless it only looks like one inside another value; a line of its own comes last.
$text = null;
$changed = null;
foreach (array_reverse($texts) as $each) {
    $after = understood($each);
    if ($after === null || ($after[$key] ?? null) !== $value) { continue; }
    $rest = $before;
    unset($rest[$key], $after[$key]);
    $changed = null;
    // Others may take their value from it: KEY2="\${KEY}". Those are meant to change with it.
    foreach (array_keys($rest + $after) as $name) {
        if (($rest[$name] ?? null) !== ($after[$name] ?? null) && strpos($old, "\${" . $key . "}") === false) { $changed = $name; }
    }
    if ($changed === null) { $text = $each; break; }
}
if ($text === null) { refuse($changed === null ? "$key: the application would not read this value back as it is" : "$changed would change, too"); }
$name = "$home/.env.remediate-" . gmdate("Ymd\\THis\\Z") . "-" . bin2hex(random_bytes(4));
$new = "$name.new";
// Owner, mode, ACL and attributes are the old one's before the first byte of the new one is in it.
command("cp", "--no-target-directory", "--preserve=all", "--", $path, $new);
clearstatcache();
$copy = stat($new);
foreach (["uid", "gid", "mode"] as $each) {
    if ($copy[$each] !== $was[$each]) { refuse("$path: its $each cannot be kept"); }
}
// Nobody may write to a file that its owner made read-only, not even the owner.
$locked = ($was["mode"] & 0200) === 0;
if ($locked) { chmod($new, ($was["mode"] & 07777) | 0200); }
$file = fopen($new, "r+b");
if (!$file || !ftruncate($file, 0) || fwrite($file, $text) !== strlen($text) || !fflush($file)) { refuse("$new cannot be written"); }
if (!(function_exists("fsync") ? fsync($file) : true) || !fclose($file)) { refuse("$new cannot be written"); }
if ($locked) { chmod($new, $was["mode"] & 07777); }
command("sync", "--", $new);
if (file_get_contents($new) !== $text) { refuse("$new does not hold what was written"); }
$after = parsed($new);
if ($after === null || ($after[$key] ?? null) !== $value) { refuse("$key: the application would not read this value back as it is"); }
clearstatcache(true);
if (realpath("$directory/.env") !== $path || hash_file("sha256", $path) !== $asked["seen"]) { refuse("$path has changed meanwhile"); }
if (!link($path, $name)) { refuse("$name: the old file cannot be kept"); }
if (!rename($new, $path)) { unlink($name); refuse("$path cannot be replaced"); }
$new = null;
// A worker that was started until now may have read the old one.
touch($path);
chmod($name, 0600);
command("sync", "--", $home);
$kept = ours($home);
sort($kept);
foreach (array_slice($kept, 0, -5) as $each) { unlink($each); }
