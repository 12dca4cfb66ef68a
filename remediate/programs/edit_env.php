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
function refuse(string $why): void {
    global $new;
    if ($new !== null) { @unlink($new); }
    fwrite(STDERR, "$why\n");
    exit(1);
}
function command(string ...$argv): void {
    $process = proc_open($argv, [1 => ["file", "/dev/null", "w"], 2 => ["pipe", "w"]], $pipes);
    $said = is_resource($process) ? trim(stream_get_contents($pipes[2])) : "";
    if (!is_resource($process) || proc_close($process) !== 0) { refuse("$argv[0]: $said"); }
}
// As the application reads it: a file, by its own parser, whatever the process environment says.
function parsed(string $path): ?array {
    try {
        return Dotenv\Dotenv::createArrayBacked(dirname($path), basename($path))->load();
    } catch (Throwable $error) {
        return null;
    }
}
function written(string $value): string {
    if (preg_match('~^[A-Za-z0-9_./:@%+,=-]*$~D', $value)) { return $value; }
    if (!preg_match("~['\\r\\n]~", $value)) { return "'$value'"; }
    $escaped = ["\\" => "\\\\", "\"" => "\\\"", "$" => "\\$", "\n" => "\\n", "\r" => "\\r"];
    return "\"" . strtr($value, $escaped) . "\"";
}
$asked = json_decode(stream_get_contents(STDIN), true);
$key = $asked["key"];
$value = base64_decode($asked["value"], true);
require "$directory/vendor/autoload.php";
error_reporting(0);
$path = realpath("$directory/.env");
if ($path === false || !is_file($path)) { refuse("$directory/.env is not a file"); }
$home = dirname($path);
$mine = glob("$home/.env.remediate-*");
clearstatcache();
$was = stat($path);
// A second name for the file that is in place is left from an edit that was cut short after it had made it.
foreach ($mine as $each) {
    if (stat($each)["ino"] === $was["ino"] || substr($each, -4) === ".new") { unlink($each); }
}
clearstatcache();
$was = stat($path);
if ($was["nlink"] !== 1) { refuse("$path has another name (hard link): a new file would part them"); }
$old = file_get_contents($path);
if (!is_string($old) || hash("sha256", $old) !== $asked["seen"]) { refuse("$path has changed since it was looked at"); }
$before = parsed($path);
if ($before === null) { refuse("$path cannot be parsed as it is"); }
// A value is in double quotes, in single quotes, or ends before a comment or at the end of its line.
$quoted = '"(?:[^"\\\\]|\\\\.)*"|\'[^\']*\'|[^\r\n#]*?';
$pattern = "~^([ \\t]*(?:export[ \\t]+)?" . preg_quote($key, "~") . "[ \\t]*=[ \\t]*)(?:$quoted)([ \\t]*(?:\\#[^\\r\\n]*)?)(?=\\r?$)~ms";
$count = preg_match_all($pattern, $old, $found, PREG_OFFSET_CAPTURE);
if ($count) {
    // The last one is what counts.
    $last = $count - 1;
    [$whole, $at] = $found[0][$last];
    $line = $found[1][$last][0] . written($value) . $found[2][$last][0];
    $text = substr($old, 0, $at) . $line . substr($old, $at + strlen($whole));
} else {
    $text = $old . ($old === "" || substr($old, -1) === "\n" ? "" : "\n") . "$key=" . written($value) . "\n";
}
$name = "$home/.env.remediate-" . gmdate("Ymd\\THis\\Z") . "-" . bin2hex(random_bytes(4));
$new = "$name.new";
// Owner, mode, ACL and attributes are the old one's before the first byte of the new one is in it.
command("cp", "--no-target-directory", "--preserve=all", "--", $path, $new);
clearstatcache();
$copy = stat($new);
foreach (["uid", "gid", "mode"] as $each) {
    if ($copy[$each] !== $was[$each]) { refuse("$path: its $each cannot be kept"); }
}
$file = fopen($new, "r+b");
if (!$file || !ftruncate($file, 0) || fwrite($file, $text) !== strlen($text) || !fflush($file)) { refuse("$new cannot be written"); }
if (!(function_exists("fsync") ? fsync($file) : true) || !fclose($file)) { refuse("$new cannot be written"); }
command("sync", "--", $new);
if (file_get_contents($new) !== $text) { refuse("$new does not hold what was written"); }
$after = parsed($new);
if ($after === null || ($after[$key] ?? null) !== $value) { refuse("$key: the application would not read this value back as it is"); }
unset($before[$key], $after[$key]);
// Others may take their value from it: KEY2="\${KEY}". Those are meant to change with it.
foreach (array_keys($before + $after) as $each) {
    if (($before[$each] ?? null) !== ($after[$each] ?? null) && strpos($old, "\${" . $key . "}") === false) { refuse("$each would change, too"); }
}
clearstatcache();
if (realpath("$directory/.env") !== $path || hash_file("sha256", $path) !== $asked["seen"]) { refuse("$path has changed meanwhile"); }
if (!link($path, $name)) { refuse("$name: the old file cannot be kept"); }
if (!rename($new, $path)) { unlink($name); refuse("$path cannot be replaced"); }
$new = null;
command("sync", "--", $home);
chmod($name, 0600);
$kept = glob("$home/.env.remediate-*");
sort($kept);
foreach (array_slice($kept, 0, -5) as $each) { unlink($each); }
