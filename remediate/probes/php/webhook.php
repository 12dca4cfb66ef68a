<?php
// Ask an application's webhook what its provider would get: an event with a wrong signature, then, where the inventory
// names a type that nothing follows from, one with the right signature. The secret is the one the application itself
// would use now; it never leaves this process.
// Arguments: directory of artisan, URL, configuration key of the secret, harmless event type or -, access log or -, and
// the file of the authorities to trust, where they are not the host's.
// Prints one JSON document behind a marker, since the framework may print notices of its own.
[, $directory, $url, $key, $harmless, $log] = $argv;
$trusted = isset($argv[6]) ? [CURLOPT_CAINFO => $argv[6]] : [];
error_reporting(0);
ini_set("display_errors", "0");
chdir($directory);
require "$directory/vendor/autoload.php";
$app = require "$directory/bootstrap/app.php";
error_reporting(0);
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
error_reporting(0);

function place(string $url): string {
    // Where this host listens for it: an address of its own, where that is not the loopback one.
    $port = parse_url($url, PHP_URL_PORT) ?? (parse_url($url, PHP_URL_SCHEME) === "http" ? 80 : 443);
    $found = [];
    foreach (file("/proc/net/tcp") ?: [] as $line) {
        if (preg_match('~^\s*\d+: ([0-9A-F]{8}):([0-9A-F]{4}) \S+ 0A ~', $line, $word) === 1 && hexdec($word[2]) === $port) {
            $found[] = implode(".", array_reverse(array_map("hexdec", str_split($word[1], 2))));
        }
    }
    return $found === [] || array_intersect($found, ["0.0.0.0", "127.0.0.1"]) !== [] ? "127.0.0.1" : $found[0];
}

function deliver(string $url, string $type, string $secret, array $trusted): array {
    $time = time();
    $body = json_encode(["id" => "evt_remediate_" . bin2hex(random_bytes(8)), "object" => "event", "type" => $type, "livemode" => false, "created" => $time, "data" => ["object" => ["object" => "remediate"]]]);
    $request = curl_init($url);
    $headers = ["Content-Type: application/json; charset=utf-8", "Stripe-Signature: t=$time,v1=" . hash_hmac("sha256", "$time.$body", $secret), "User-Agent: remediate", "Expect:"];
    // Pinned to this host under the site's own name, so that no load balancer and no DNS answers in its place.
    curl_setopt_array($request, $trusted + [
        CURLOPT_POST => true, CURLOPT_POSTFIELDS => $body, CURLOPT_HTTPHEADER => $headers, CURLOPT_RETURNTRANSFER => true,
        CURLOPT_CONNECT_TO => ["::" . place($url) . ":"], CURLOPT_NOPROXY => "*", CURLOPT_TIMEOUT => 5, CURLOPT_NOSIGNAL => true,
    ]);
    curl_exec($request);
    $dropped = in_array(curl_errno($request), [35, 52, 56], true) && parse_url($url, PHP_URL_SCHEME) === "https";
    if ($dropped && defined("CURLOPT_HAPROXYPROTOCOL")) {
        // It may want the header of a load balancer; over plain HTTP the 400 for an unwanted one would look like its answer.
        curl_setopt($request, CURLOPT_HAPROXYPROTOCOL, true);
        curl_exec($request);
    }
    return ["status" => curl_getinfo($request, CURLINFO_RESPONSE_CODE), "error" => curl_errno($request)];
}

function lines(array $files): Generator {
    foreach ($files as $file) {
        while (($line = fgets($file)) !== false) {
            yield $line;
        }
    }
}

function answers(string $log, string $path, int $since): ?array {
    // The logs that were rotated last, too: just afterwards the one in use holds nothing.
    $left = 16777216;
    $parts = [];
    foreach ([$log, "$log.1", "$log.2.gz", "$log.3.gz", "$log.4.gz"] as $name) {
        $packed = substr($name, -3) === ".gz";
        $size = is_readable($name) ? filesize($name) * ($packed ? 20 : 1) : $left + 1;
        $file = $size > $left && ($packed || !is_readable($name)) ? false : fopen(($packed ? "compress.zlib://" : "") . $name, "r");
        if ($file === false) {
            break;
        }
        if ($size > $left) {
            // Within a line, the rest of which is left out.
            fseek($file, $size - $left);
            fgets($file);
        }
        $left = max(0, $left - $size);
        $parts = [$name => $file] + $parts;
        if ($size > 0 && $left === 0) {
            break;
        }
    }
    if ($parts === []) {
        return null;
    }
    $found = ["accepted" => 0, "refused" => 0, "failed" => 0, "missed" => 0, "last" => 0];
    $begins = null;
    $settled = false;
    $strange = 0;
    foreach (lines($parts) as $line) {
        if ($begins === null && preg_match('~\[([0-9]+/[^]]+)\]~', $line, $word) === 1) {
            $begins = DateTime::createFromFormat("d/M/Y:H:i:s O", $word[1]) ?: null;
        }
        // nginx's `combined`, which may go on behind the agent. What says POST in another format may be the provider's.
        $posted = strpos($line, "POST") !== false || strpos($line, '"Stripe/') !== false;
        if (!$posted || preg_match('~\[([^]]+)\] "([^ "]*)(?: ([^ "]+))?[^"]*" ([0-9]{3}) [^ ]+ "[^"]*" "([^"]*)~', $line, $word) !== 1) {
            $strange += $posted ? 1 : 0;
            continue;
        }
        if ($word[2] !== "POST" || strpos($word[5], "Stripe/") !== 0 || strtok($word[3], "?") !== $path) {
            continue;
        }
        $at = DateTime::createFromFormat("d/M/Y:H:i:s O", $word[1]);
        if ($at === false) {
            $strange++;
            continue;
        }
        $found["last"] = $at->getTimestamp();
        $counts = $found["last"] >= $since;
        // What was accepted later makes up for what was not: the provider sends an event again until it is.
        if ($word[4][0] === "2") {
            $settled = true;
            $strange = 0;
            $found = ["accepted" => $found["accepted"] + ($counts ? 1 : 0), "refused" => 0, "failed" => 0, "missed" => 0] + $found;
        } else {
            $found["missed"]++;
            $found[in_array($word[4], ["400", "401", "403"], true) ? "refused" : "failed"] += $counts ? 1 : 0;
        }
    }
    // The provider sends an event for three days: what came before that is not waited for any more.
    $whole = $left > 0 && is_readable(dirname($log)) && array_diff(glob("$log?*"), array_keys($parts)) === [];
    return $found + ["complete" => $strange === 0 && ($settled || $whole || ($begins !== null && $begins->getTimestamp() < time() - 259200))];
}

$secret = $app->make("config")->get($key);
$cached = $app->configurationIsCached();
$source = $cached ? $app->getCachedConfigPath() : $app->environmentFilePath();
$answer = ["secret" => is_string($secret) && $secret !== "", "curl" => extension_loaded("curl"), "wrong" => null, "right" => null, "events" => null];
if ($answer["curl"]) {
    $answer["wrong"] = deliver($url, $harmless === "-" ? "remediate.probe" : $harmless, bin2hex(random_bytes(16)), $trusted);
    $answer["right"] = $harmless === "-" || !$answer["secret"] ? null : deliver($url, $harmless, $secret, $trusted);
}
if ($log !== "-") {
    $answer["events"] = answers($log, (string) parse_url($url, PHP_URL_PATH), (int) filemtime($source)) ?? "unreadable";
}
echo "\nremediate:", json_encode($answer), "\n";
