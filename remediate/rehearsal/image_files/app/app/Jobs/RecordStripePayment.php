<?php

namespace App\Jobs;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Support\Facades\DB;
use UnexpectedValueException;

class RecordStripePayment implements ShouldQueue
{
    use Dispatchable, InteractsWithQueue, Queueable;

    /** @var int */
    public $tries = 3;

    /** @var int seconds */
    public $backoff = 2;

    /** @var string */
    public $eventId;

    /** @var string */
    public $type;

    /** @var int */
    public $amount;

    /** @var string */
    public $currency;

    public function __construct(string $eventId, string $type, int $amount, string $currency)
    {
        $this->eventId = $eventId;
        $this->type = $type;
        $this->amount = $amount;
        $this->currency = $currency;
    }

    /** Stripe delivers at least once, and jobs are retried: the unique event id makes it one row. */
    public function handle(): void
    {
        if (preg_match('/^[a-z]{3}$/', $this->currency) !== 1) {
            throw new UnexpectedValueException("{$this->eventId}: {$this->currency} is not a currency");
        }
        DB::table('payments')->insertOrIgnore([
            'event_id' => $this->eventId,
            'type' => $this->type,
            'amount' => $this->amount,
            'currency' => $this->currency,
            'recorded_at' => now(),
        ]);
    }
}
