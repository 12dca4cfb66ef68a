<?php

// The names of Flare's client, which cannot be installed without Packagist.
return [
    'key' => env('FLARE_KEY'),
    'base_url' => env('FLARE_BASE_URL', 'http://127.0.0.1:8090/api'),
];
