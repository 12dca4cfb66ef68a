<?php

use App\Http\Controllers\HealthController;
use App\Http\Controllers\StripeWebhookController;
use Illuminate\Support\Facades\Route;

// Outside the web group: with the session store down its middleware would answer 500 before the check runs.
Route::get('/health', HealthController::class);
Route::post('/webhooks/stripe', StripeWebhookController::class);
