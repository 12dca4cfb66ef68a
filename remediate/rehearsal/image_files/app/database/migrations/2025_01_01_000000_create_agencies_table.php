<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up()
    {
        Schema::create('agencies', static function (Blueprint $table) {
            $table->id();
            $table->string('name');
        });
        DB::table('agencies')->insert(['name' => 'Example Agency']);
    }

    public function down()
    {
        Schema::dropIfExists('agencies');
    }
};
