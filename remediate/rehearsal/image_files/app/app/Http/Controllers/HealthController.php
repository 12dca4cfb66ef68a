<?php

namespace App\Http\Controllers;

use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Str;
use RuntimeException;
use Throwable;

class HealthController extends Controller
{
    /** 200 only while a query, a cache write and a session write really work; 503 names what does not. */
    public function __invoke()
    {
        $checks = [
            'database' => $this->works(function () {
                DB::table('agencies')->count();
            }),
            'cache' => $this->works(function () {
                $this->cache();
            }),
            'session' => $this->works(function () {
                $this->session();
            }),
        ];
        $healthy = ! in_array('failed', $checks, true);

        return response()->json(
            ['status' => $healthy ? 'ok' : 'failed', 'checks' => $checks],
            $healthy ? 200 : 503,
            ['Cache-Control' => 'no-store']
        );
    }

    private function works(callable $check): string
    {
        try {
            $check();

            return 'ok';
        } catch (Throwable $error) {
            report($error);

            return 'failed';
        }
    }

    private function cache(): void
    {
        $key = 'health.'.Str::random(16);
        $value = Str::random(16);
        Cache::put($key, $value, 30);
        $read = Cache::pull($key);
        if ($read !== $value) {
            throw new RuntimeException('the cache returned something else than was written');
        }
    }

    private function session(): void
    {
        $handler = app('session')->driver()->getHandler();
        $id = Str::random(40);
        $value = Str::random(16);
        $handler->write($id, $value);
        $read = $handler->read($id);
        $handler->destroy($id);
        if ($read !== $value) {
            throw new RuntimeException('the session store returned something else than was written');
        }
    }
}
