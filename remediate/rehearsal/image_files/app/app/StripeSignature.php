<?php

namespace App;

/** Stripe's documented scheme, "t=…,v1=…": https://stripe.com/docs/webhooks/signatures */
final class StripeSignature
{
    private const TOLERANCE_SECONDS = 300;

    public static function valid(string $body, string $header, string $secret, int $now): bool
    {
        $timestamp = null;
        $signatures = [];
        foreach (explode(',', $header) as $part) {
            [$name, $value] = array_pad(explode('=', trim($part), 2), 2, '');
            if ($name === 't' && ctype_digit($value)) {
                $timestamp = (int) $value;
            } elseif ($name === 'v1') {
                $signatures[] = $value;
            }
        }
        // Both ways: an event from the future is as suspect as an old one.
        if ($timestamp === null || abs($now - $timestamp) > self::TOLERANCE_SECONDS) {
            return false;
        }

        $expected = hash_hmac('sha256', $timestamp.'.'.$body, $secret);
        $matches = false;
        foreach ($signatures as $signature) {
            $matches = hash_equals($expected, $signature) || $matches;
        }

        return $matches;
    }
}
