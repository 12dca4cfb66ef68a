<?php

return [
    'stripe' => ['webhook_secret' => env('STRIPE_WEBHOOK_SECRET')],
];
