<?php

namespace App\Http\Controllers;

use Illuminate\Http\Request;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Facades\DB;

class HomeController extends Controller
{
    /** A page that cannot be rendered without database, cache and session. */
    public function __invoke(Request $request)
    {
        $visits = (int) $request->session()->get('visits', 0) + 1;
        $request->session()->put('visits', $visits);

        $agency = Cache::remember('home.agency', 60, static function () {
            return DB::table('agencies')->orderBy('id')->value('name');
        });

        return view('home', [
            'agency' => $agency,
            'payments' => DB::table('payments')->count(),
            'visits' => $visits,
        ]);
    }
}
