<?php
// Count the errors that the application logged lately, by class and place. Arguments: directory of artisan, how many
// periods back, their seconds, how many bytes and how many seconds to read at the most. Reads from the end backwards,
// since a log may be gigabytes. Prints one JSON document behind a marker; of messages only their plain words.
[, $directory, $periods, $period, $most, $patience] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
ini_set("memory_limit", "256M");
chdir($directory);
try {
    require "$directory/vendor/autoload.php";
    $app = require "$directory/bootstrap/app.php";
    error_reporting(0);
    $app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
} catch (Throwable $error) {
    answer(["state" => "down", "why" => get_class($error)]);
}
error_reporting(0);

function said(array $found): string {
    return (string) json_encode($found, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
}

function answer(array $found): void {
    echo "\nremediate:", said($found), "\n";
    exit(0);
}

// The files of a channel, and whether there is one a day; of a stack those of its members. Others send elsewhere what this host then does not have.
function paths($config, string $name, array &$others, int $depth = 0): array {
    $channel = (array) $config->get("logging.channels.$name");
    $driver = is_string($channel["driver"] ?? null) ? $channel["driver"] : "";
    if ($driver === "stack" && $depth < 5) {
        $found = [];
        foreach ((array) ($channel["channels"] ?? []) as $each) {
            $found = array_merge($found, paths($config, (string) $each, $others, $depth + 1));
        }
        return $found;
    }
    $level = is_string($channel["level"] ?? null) ? strtolower($channel["level"]) : "debug";
    if (in_array($level, ["critical", "alert", "emergency"], true)) {
        $others[] = "$name keeps nothing below $level";
        return [];
    }
    if (in_array($driver, ["single", "daily"], true) && is_string($channel["path"] ?? null)) {
        return [[$channel["path"], $driver === "daily"]];
    }
    $others[] = "$name is a channel of the driver " . ($driver === "" ? "?" : $driver);
    return [];
}

class Errors {
    public $found = ["state" => "ok", "files" => [], "unread" => [], "records" => 0, "strange" => 0, "future" => 0, "slip" => 0, "groups" => [], "others" => 0];
    private $roots;
    private $now;
    private $since;
    private $period;
    private $left;
    private $until;

    public function __construct(string $directory, int $periods, int $period, int $most, float $patience) {
        $real = (string) realpath($directory);
        $this->roots = [preg_quote(rtrim($directory, "/"), "~"), preg_quote($real, "~")];
        // Of a deploy without downtime each release has a directory of its own.
        if (preg_match('~^(.*/releases)/[^/]+$~', $real, $match) === 1) {
            $this->roots[] = preg_quote($match[1], "~") . "/[^/]+";
        }
        $this->now = time();
        $this->period = $period;
        $this->since = $this->now - $periods * $period;
        $this->left = $most;
        $this->until = microtime(true) + $patience;
        $this->found += ["now" => $this->now, "zone" => date_default_timezone_get(), "reaches" => $this->since];
    }

    public function all(array $paths): void {
        usort($paths, fn($one, $other) => filemtime($other) <=> filemtime($one));
        foreach ($paths as $path) {
            $written = (int) filemtime($path);
            if ($written < $this->since || filesize($path) === 0) {
                continue;
            }
            $file = substr($path, -3) === ".gz" ? false : fopen($path, "rb");
            if ($file === false) {
                $this->found["unread"][] = substr(basename($path), 0, 80);
                $this->found["reaches"] = max($this->found["reaches"], $written);
                continue;
            }
            $this->found["files"][] = substr(basename($path), 0, 80);
            $reached = $this->read($file, $written);
            if ($reached !== null) {
                $this->found["reaches"] = max($this->found["reaches"], $reached);
                break;
            }
        }
        usort($this->found["groups"], fn($one, $other) => array_sum($other["counts"]) <=> array_sum($one["counts"]));
        $this->found["others"] += max(0, count($this->found["groups"]) - 40);
        $this->found["groups"] = array_slice($this->found["groups"], 0, 40);
        // An answer has its limit.
        while (strlen(said($this->found)) > 30000) {
            array_pop($this->found["groups"]);
            $this->found["others"]++;
        }
    }

    // Null when everything was read that is not too old; else the time from which on it was.
    private function read($file, int $written): ?int {
        $head = '/^(?:\[(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?\] [^\n]{1,64}?\.(DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|EMERGENCY): |\{"message":(?=[^\n]*"level_name":"[A-Z]{4,9}"))/m';
        $end = fstat($file)["size"];
        [$rest, $reached, $newest, $any] = ["", $written, null, false];
        while ($end > 0) {
            if ($this->left <= 0 || microtime(true) > $this->until) {
                return $reached;
            }
            $size = min(1048576, $end);
            $end -= $size;
            $this->left -= $size;
            $text = stream_get_contents($file, $size, $end) . $rest;
            $count = (int) preg_match_all($head, $text, $heads, PREG_SET_ORDER | PREG_OFFSET_CAPTURE);
            // What stands first in a block may be the middle of a line.
            $first = $end > 0 && $count > 0 && $heads[0][0][1] === 0 ? 1 : 0;
            $stop = strlen($text);
            for ($index = $count - 1; $index >= $first; $index--) {
                $start = $heads[$index][0][1];
                $time = $this->record($heads[$index], substr($text, $start, min($stop - $start, 131072)));
                $stop = $start;
                $any = true;
                if ($time === null) {
                    continue;
                }
                if ($newest === null) {
                    $newest = $time;
                    $this->slip($written - $time);
                }
                $reached = min($reached, $time);
                // Several processes write to it, not quite in order.
                if ($time < $this->since - 600) {
                    return null;
                }
            }
            $rest = substr($text, 0, min($stop, 131072));
        }
        if (!$any) {
            $this->found["strange"] += substr_count(rtrim($rest), "\n") + 1;
        }
        return null;
    }

    // A log is written in the application's time zone: a file that was written whole quarters of an hour after, or
    // before, its newest entry says that the two zones are not the same.
    private function slip(int $seconds): void {
        $quarters = (int) round($seconds / 900);
        if ($quarters !== 0 && abs($quarters) <= 56 && abs($seconds - $quarters * 900) <= 10) {
            $this->found["slip"] = $quarters * 15;
        }
    }

    private function record(array $head, string $text): ?int {
        $json = !isset($head[1]) ? json_decode((string) strtok($text, "\n"), true) : null;
        if (!isset($head[1]) && !is_array($json)) {
            $this->found["strange"]++;
            return null;
        }
        $at = $json["datetime"] ?? null;
        $at = is_array($at) ? ($at["date"] ?? "") . " " . ($at["timezone"] ?? "") : $at;
        $time = strtotime($json === null ? $head[1][0] . ($head[2][0] ?? "") : (is_string($at) ? $at : ""));
        if ($time === false) {
            $this->found["strange"]++;
            return null;
        }
        $level = $json === null ? $head[3][0] : (string) ($json["level_name"] ?? "");
        $taken = $time;
        if ($time > $this->now + 300) {
            $this->found["future"]++;
            $taken = $this->now;
        }
        if ($time < $this->since) {
            return $time;
        }
        $this->found["records"]++;
        // What is written here by something else: PHP itself, or half an entry.
        $this->found["strange"] += (int) preg_match_all('/^(?:\[\d\d-[A-Z][a-z]{2}-\d{4} |\[\d{4}-\d\d-\d\d[T ]|PHP [A-Z][a-z]+ error)/m', substr($text, 1));
        $this->found["strange"] += $json === null ? 0 : substr_count(rtrim($text), "\n");
        if (in_array($level, ["ERROR", "CRITICAL", "ALERT", "EMERGENCY"], true)) {
            $this->count($level, $json === null ? $this->kind(substr($text, strlen($head[0][0]))) : $this->kind_of($json), $taken);
        }
        return $time;
    }

    private function count(string $level, array $kind, int $time): void {
        $key = json_encode([$level, $kind]);
        if (!isset($this->found["groups"][$key])) {
            if (count($this->found["groups"]) >= 2000) {
                $this->found["others"]++;
                return;
            }
            $periods = intdiv($this->now - $this->since, $this->period);
            $this->found["groups"][$key] = ["level" => $level, "what" => $kind[0], "place" => $kind[1], "counts" => array_fill(0, $periods, 0), "first" => $time, "last" => $time];
        }
        $group = &$this->found["groups"][$key];
        $ago = max(0, min(count($group["counts"]) - 1, intdiv($this->now - $time, $this->period)));
        $group["counts"][$ago]++;
        $group["first"] = min($group["first"], $time);
        $group["last"] = max($group["last"], $time);
    }

    // Of an entry in the line format, behind its head.
    private function kind(string $text): array {
        if (preg_match('/"exception":"\[object\] \(([A-Za-z_\\\\][A-Za-z0-9_\\\\]*)[^\n(]{0,300}\(code: /', $text, $match, PREG_OFFSET_CAPTURE) !== 1) {
            return [$this->words(preg_replace('/ (?:\{"|\[).*/s', "", $text, 1) ?? ""), ""];
        }
        $rest = substr($text, $match[0][1]);
        $thrown = preg_match('~ at (/[^\n:"]{1,300}):(\d{1,7})\)(?:\n\[stacktrace\]|")~', $rest, $at) === 1 ? [$at[1], $at[2]] : null;
        preg_match_all('~^#\d+ (/[^\n(]{1,300})\((\d{1,7})\)~m', explode("\n[previous exception]", $rest, 2)[0], $frames, PREG_SET_ORDER);
        return [substr(str_replace("\\\\", "\\", $match[1][0]), 0, 120), $this->place($thrown, array_map(fn($frame) => [$frame[1], $frame[2]], $frames))];
    }

    // Of an entry in JSON.
    private function kind_of(array $json): array {
        $raised = $json["context"]["exception"] ?? null;
        if (!is_array($raised) || !is_string($raised["class"] ?? null)) {
            return [$this->words(is_string($json["message"] ?? null) ? $json["message"] : ""), ""];
        }
        $places = [];
        foreach (array_merge([$raised["file"] ?? ""], (array) ($raised["trace"] ?? [])) as $each) {
            if (is_string($each) && preg_match('~^(/[^\n:]{1,300}):(\d{1,7})$~D', $each, $match) === 1) {
                $places[] = [$match[1], $match[2]];
            }
        }
        return [substr($raised["class"], 0, 120), $this->place($places[0] ?? null, $places)];
    }

    // Where it was thrown; for what a library threw, where the application called it.
    private function place(?array $thrown, array $frames): string {
        foreach (array_merge($thrown === null ? [] : [$thrown], $frames) as [$file, $line]) {
            foreach ($this->roots as $root) {
                if (preg_match("~^$root/((?!vendor/|public/index\.php|artisan|server\.php)[^\n]+)$~D", $file, $match) === 1) {
                    return substr($match[1], -110) . ":$line";
                }
            }
        }
        return $thrown === null ? "" : implode("/", array_slice(explode("/", substr($thrown[0], -110)), -3)) . ":" . $thrown[1];
    }

    // The plain words of a message: what is quoted, or holds a digit or a sign, may be anybody's name, address or secret.
    private function words(string $message): string {
        $line = preg_replace('/(["\'`]).*?\1/u', "#", (string) strtok(substr($message, 0, 600), "\n"));
        $line = preg_replace('/(?<![^\s(])(?!\(?\p{L}{1,20}(?:[-\']\p{L}{1,20})?[.,:;!?)]*(?:\s|$))\S+/u', "#", (string) $line);
        $line = trim((string) preg_replace('/#(?:\s*#)+/u', "#", (string) $line));
        preg_match('/^.{0,80}/u', $line, $match);
        return ($match[0] ?? "") === "" ? "#" : $match[0];
    }
}

$config = $app->make("config");
$others = [];
$found = paths($config, (string) $config->get("logging.default"), $others);
if ($found === []) {
    answer(["state" => "elsewhere", "why" => substr(implode("; ", $others), 0, 300)]);
}
[$path, $daily] = $found[0];
$parts = pathinfo($path);
$names = scandir($parts["dirname"]);
if ($names === false) {
    answer(["state" => is_dir($parts["dirname"]) ? "unreadable" : "missing", "why" => substr($parts["dirname"], -200)]);
}
$stem = preg_quote($parts["filename"], "~");
$ending = preg_quote("." . ($parts["extension"] ?? "log"), "~");
$names = preg_grep("~^$stem(-\d{4}-\d\d-\d\d)?$ending([.-]\d{1,8})?(\.gz)?$~D", $names);
if ($names === []) {
    answer(["state" => "missing", "why" => substr($path, -200)]);
}
$errors = new Errors($directory, (int) $periods, (int) $period, (int) $most, (float) $patience);
$errors->all(array_map(fn($name) => $parts["dirname"] . "/$name", array_values($names)));
// Where an entry would go now: a log that the application may not write to is silent, and nothing is well.
$next = $daily ? $parts["dirname"] . "/" . $parts["filename"] . date("-Y-m-d") . "." . ($parts["extension"] ?? "log") : $path;
answer($errors->found + ["writable" => is_writable(file_exists($next) ? $next : $parts["dirname"])]);
