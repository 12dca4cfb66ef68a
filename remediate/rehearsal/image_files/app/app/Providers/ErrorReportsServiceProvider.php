<?php

namespace App\Providers;

use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Support\ServiceProvider;
use Throwable;

/** Reports exceptions to a service outside, as Flare's client does: only with a key, and never in anybody's way. */
class ErrorReportsServiceProvider extends ServiceProvider
{
    public function boot(): void
    {
        $key = (string) config('flare.key');
        if ($key === '') {
            return;
        }
        $this->callAfterResolving(ExceptionHandler::class, function ($handler) use ($key) {
            $handler->reportable(function (Throwable $error) use ($key) {
                $this->send($key, $error);
            });
        });
    }

    private function send(string $key, Throwable $error): void
    {
        $curl = curl_init(config('flare.base_url').'/reports');
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => json_encode(['class' => get_class($error), 'at' => time()]),
            CURLOPT_HTTPHEADER => ['Content-Type: application/json', "x-api-token: $key"],
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT_MS => 500,
        ]);
        curl_exec($curl);
        curl_close($curl);
    }
}
