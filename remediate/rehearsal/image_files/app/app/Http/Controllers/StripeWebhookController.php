<?php

namespace App\Http\Controllers;

use App\Jobs\RecordStripePayment;
use App\StripeSignature;
use Illuminate\Http\Request;
use Illuminate\Routing\Controller;
use Illuminate\Support\Str;

class StripeWebhookController extends Controller
{
    /** Answers as soon as the event is queued: the payment itself is written by a worker. */
    public function __invoke(Request $request)
    {
        $secret = (string) config('services.stripe.webhook_secret');
        if ($secret === '') {
            return response()->json(['error' => 'the webhook secret is not configured'], 500);
        }

        $signature = (string) $request->header('Stripe-Signature', '');
        if (! StripeSignature::valid($request->getContent(), $signature, $secret, time())) {
            return response()->json(['error' => 'invalid signature'], 400);
        }

        $event = json_decode($request->getContent(), true);
        if (! is_array($event) || ! is_string($event['id'] ?? null) || ! is_string($event['type'] ?? null)) {
            return response()->json(['error' => 'not an event'], 400);
        }

        // Whoever sends events adds types as they please: one that means nothing here is received and forgotten.
        if (! Str::startsWith($event['type'], ['payment_intent.', 'charge.'])) {
            return response()->json(['received' => true, 'ignored' => true]);
        }

        $object = $event['data']['object'] ?? [];
        RecordStripePayment::dispatch(
            $event['id'],
            $event['type'],
            (int) ($object['amount'] ?? 0),
            (string) ($object['currency'] ?? 'usd')
        );

        return response()->json(['received' => true]);
    }
}
