<?php
// Say whether the application would report its exceptions: is the provider loaded, is the key set, in the configuration
// in use. Arguments: directory of artisan, the provider's class, the configuration key. Never says the key.
[, $directory, $provider, $key] = $argv;
error_reporting(0);
ini_set("display_errors", "0");
chdir($directory);
require "$directory/vendor/autoload.php";
$app = require "$directory/bootstrap/app.php";
error_reporting(0);
$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap();
error_reporting(0);
// One that is deferred is loaded when somebody asks for what it offers; it reports nothing before.
$deferred = in_array($provider, $app->getDeferredServices(), true);
$loaded = array_key_exists($provider, $app->getLoadedProviders());
$value = $app->make("config")->get($key);
echo "\nremediate:", json_encode([
"provider" => $loaded ? "loaded" : ($deferred ? "deferred" : (class_exists($provider) ? "installed" : "missing")),
"key" => is_string($value) && trim($value) !== "",
"cached" => (bool) $app->configurationIsCached(),
]), "\n";
