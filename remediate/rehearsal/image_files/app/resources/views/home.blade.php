<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Agency Platform</title></head>
<body>
<h1>Agency Platform</h1>
<p>{{ $agency }}: {{ $payments }} payments recorded. Your visit number {{ $visits }}.</p>
</body>
</html>
