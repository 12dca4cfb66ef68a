<?php
// Compare one key of .env with a value, without saying either. Argument: directory of artisan. Input: JSON with key
// and value (base64).
[, $directory] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
$asked = json_decode(stream_get_contents(STDIN), true);
require "$directory/vendor/autoload.php";
error_reporting(0);
$state = "unset";
try {
    $env = Dotenv\Dotenv::createArrayBacked($directory, ".env")->load();
    if (isset($env[$asked["key"]])) { $state = $env[$asked["key"]] === base64_decode($asked["value"], true) ? "same" : "differs"; }
} catch (Throwable $error) {
    $state = "broken";
}
echo "\nremediate:", json_encode(["state" => $state]), "\n";
