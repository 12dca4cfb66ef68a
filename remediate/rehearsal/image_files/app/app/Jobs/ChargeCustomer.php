<?php

namespace App\Jobs;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Support\Str;

/** Takes money: run twice, it takes it twice. A receipt below storage/app stands for the request to the provider. */
class ChargeCustomer implements ShouldQueue
{
    use Dispatchable, InteractsWithQueue, Queueable;

    /** @var int */
    public $tries = 1;

    /** @var string */
    public $customer;

    /** @var int */
    public $amount;

    public function __construct(string $customer, int $amount)
    {
        $this->customer = $customer;
        $this->amount = $amount;
    }

    public function handle(): void
    {
        $directory = storage_path('app/charges');
        if (! is_dir($directory)) {
            mkdir($directory, 0755, true);
        }
        file_put_contents("$directory/{$this->customer}-".Str::random(8).'.json', json_encode(['amount' => $this->amount]));
    }
}
