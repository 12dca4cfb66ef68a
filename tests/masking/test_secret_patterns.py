"""Unregistered secrets: masked by their shape, while ordinary text is not."""

import json

import pytest

from remediate.masking.masker import Json, Masker
from remediate.masking.secret_patterns import MASK, leaves_block_open, mask_shapes, opens, shapes

SECRETS = [
    # Assignments.
    ("DB_PASSWORD=hunter2", f"DB_PASSWORD={MASK}"),
    ("DB_PASS=hunter2", f"DB_PASS={MASK}"),
    ('export STRIPE_SECRET="a b # c"', f"export STRIPE_SECRET={MASK}"),
    ("  app_key = base64:abc=\nAPP_NAME=shop", f"  app_key = {MASK}\nAPP_NAME=shop"),
    ("mysql --password=hunter2 -h db", f"mysql --password={MASK} -h db"),
    ("GET /x?token=hunter2&page=2", f"GET /x?token={MASK}&page=2"),
    ("env API_KEY='hunter 2' run", f"env API_KEY='{MASK}' run"),
    ("x API_KEY='hun\"ter 2' run", f"x API_KEY='{MASK}' run"),
    (r'x API_KEY="hun\"ter 2\\" run', rf'x API_KEY="{MASK}" run'),
    ("x PASSWORD=no-one-knows", f"x PASSWORD={MASK}"),
    ('cut off: PASSWORD="hunter 2', f'cut off: PASSWORD="{MASK}'),
    ("env[DB_PASSWORD] = hunter 2", f"env[DB_PASSWORD] = {MASK}"),
    ("www.conf:12: env[DB_PASSWORD] = hunter2", f"www.conf:12: env[DB_PASSWORD] = {MASK}"),
    ("www.conf:12: env[DB_PASSWORD] = 'hunter 2' x", f"www.conf:12: env[DB_PASSWORD] = '{MASK}' x"),
    # JSON, however often escaped.
    ('{"line": "DB_PASSWORD=hunter2", "n": 1}', f'{{"line": "DB_PASSWORD={MASK}", "n": 1}}'),
    (r'{"line": "DB_PASSWORD=\"hunter 2\""}', rf'{{"line": "DB_PASSWORD=\"{MASK}\""}}'),
    (r'{"line": "x PASSWORD=\"hun\\\"ter 2\""}', rf'{{"line": "x PASSWORD=\"{MASK}\""}}'),
    ('{"line": "x PASSWORD=\'hunter 2", "n": "it\'s"}', f'{{"line": "x PASSWORD=\'{MASK}", "n": "it\'s"}}'),
    ('{"password": "hunter2", "n": 1}', f'{{"password": "{MASK}", "n": 1}}'),
    ('{"password":"hun\\"ter2","n":1}', f'{{"password":"{MASK}","n":1}}'),
    ('{"password":"hunt', f'{{"password":"{MASK}'),
    (r'{"line": "{\"password\":\"hunter2\",\"n\":1}"}', rf'{{"line": "{{\"password\":\"{MASK}\",\"n\":1}}"}}'),
    (r"\\\"dbPassword\\\": \\\"hun ter\\\", \\\"n\\\"", rf"\\\"dbPassword\\\": \\\"{MASK}\\\", \\\"n\\\""),
    # PHP and Python.
    ("'password' => 'hunter2', 'n' => 1", f"'password' => '{MASK}', 'n' => 1"),
    ('"password"=>"hunter 2"', f'"password"=>"{MASK}"'),
    (r"'password' => 'hun\'ter 2', 'n'", f"'password' => '{MASK}', 'n'"),
    ("$config['password'] = 'hunter 2';", f"$config['password'] = '{MASK}';"),
    ("{'password': 'hunter 2', 'n': 1}", f"{{'password': '{MASK}', 'n': 1}}"),
    ("    [password] => hunter2", f"    [password] => {MASK}"),
    (
        "#0 PDO->__construct('mysql:host=127....', 'shop', 'hunter 2', Array)",
        f"#0 PDO->__construct('mysql:host=127....', 'shop', '{MASK}', Array)",
    ),
    (
        "{\"trace\": \"->createPdoConnection('mysql:host=db', 'shop', 'hunter2', Array)\"}",
        f"{{\"trace\": \"->createPdoConnection('mysql:host=db', 'shop', '{MASK}', Array)\"}}",
    ),
    ("mysqli_connect('db', 'shop', 'hunter2')", f"mysqli_connect('db', 'shop', '{MASK}')"),
    ("#1 Redis->auth('hunter2')", f"#1 Redis->auth('{MASK}')"),
    (
        "Failed to parse dotenv file. Encountered unexpected whitespace at [hunter 2].",
        f"Failed to parse dotenv file. Encountered unexpected whitespace at [{MASK}].",
    ),
    ('Encountered a missing closing quote at ["hun]ter 2].', f"Encountered a missing closing quote at [{MASK}]."),
    (
        r'{"m": "Encountered a missing closing quote at [\"hunter]."}',
        f'{{"m": "Encountered a missing closing quote at [{MASK}]."}}',
    ),
    (
        "Failed to parse dotenv file due to an unexpected whitespace. Failed at [hunter2 p#ss].",
        f"Failed to parse dotenv file due to an unexpected whitespace. Failed at [{MASK}].",
    ),
    (
        r'{"m": "dotenv file due to a missing closing quote. Failed at [\"hunter]."}',
        f'{{"m": "dotenv file due to a missing closing quote. Failed at [{MASK}]."}}',
    ),
    # Options whose value is the next word.
    ("curl -u admin:hunter2x https://a.example/", f"curl -u admin:{MASK} https://a.example/"),
    ("curl -sSuadmin:hunter2x", f"curl -sSuadmin:{MASK}"),
    ("curl -x proxy -U 'admin:hunter 2' -s", f"curl -x proxy -U '{MASK}' -s"),
    ("curl --proxy-user :hunter2x", f"curl --proxy-user :{MASK}"),
    ('["curl", "--user", "admin:hunter2x", "-s"]', f'["curl", "--user", "admin:{MASK}", "-s"]'),
    ("rclone --s3-secret-access-key hunter2x ls", f"rclone --s3-secret-access-key {MASK} ls"),
    ('x --db-password "hunter 2" -v', f'x --db-password "{MASK}" -v'),
    ('["x", "--api-token", "hunter2x", "-v"]', f'["x", "--api-token", "{MASK}", "-v"]'),
    # YAML and what looks like it.
    ("password: hunter2", f"password: {MASK}"),
    ("  - db-password: hun,ter(2  # old", f"  - db-password: {MASK}  # old"),
    ("password: 'hunter 2' # old", f"password: '{MASK}' # old"),
    ("connecting as root, with the password: hunter2", f"connecting as root, with the password: {MASK}"),
    ('x password: "hunter 2" y', f'x password: "{MASK}" y'),
    ("{user: root, password: hunter2, host: db}", f"{{user: root, password: {MASK}, host: db}}"),
    ('{"line": "password: hunter2", "n": 1}', f'{{"line": "password: {MASK}", "n": 1}}'),
    # SQL, MySQL, Redis.
    ("CREATE USER 'a'@'%' IDENTIFIED BY 'hunter 2';", f"CREATE USER 'a'@'%' IDENTIFIED BY '{MASK}';"),
    ("identified with sha256_password by 'hunter2'", f"identified with sha256_password by '{MASK}'"),
    ("SET PASSWORD FOR a = PASSWORD('hunter2')", f"SET PASSWORD FOR a = PASSWORD('{MASK}')"),
    ("mysql -u root -phunter2 shop", f"mysql -u root -p{MASK} shop"),
    ("mysqldump --opt -p'hunter 2' shop", f"mysqldump --opt -p'{MASK}' shop"),
    ('["mariadb", "-phunter2", "shop"]', f'["mariadb", "-p{MASK}", "shop"]'),
    ("requirepass hunter2", f"requirepass {MASK}"),
    ('CONFIG SET requirepass "hunter 2"', f'CONFIG SET requirepass "{MASK}"'),
    ("masterauth hunter2", f"masterauth {MASK}"),
    ("redis-cli -h db -a hunter2 ping", f"redis-cli -h db -a {MASK} ping"),
    ('["redis-cli", "-a", "hunter2", "ping"]', f'["redis-cli", "-a", "{MASK}", "ping"]'),
    # Headers, URLs, keys.
    ("Authorization: Bearer abc.def", f"Authorization: Bearer {MASK}"),
    ("authorization: Basic dXNlcjpwYXNz", f"authorization: Basic {MASK}"),
    ("-H 'Authorization: abcdef'", f"-H 'Authorization: {MASK}'"),
    ("mysql://root:hunter2@db/shop", f"mysql://root:{MASK}@db/shop"),
    (r"mysql:\/\/root:hunter2@db\/shop", rf"mysql:\/\/root:{MASK}@db\/shop"),
    ("redis://:p@ss:w@host:6379", f"redis://:{MASK}@host:6379"),
    ("redis://:hun/ter2@host:6379/0", f"redis://:{MASK}@host:6379/0"),
    ("redis://shop:123/ter2@host", "redis://shop:123/ter2@host"),  # this cannot be told from a port
    ("key sk_live_abcdefghijkl.", f"key {MASK}."),
    ("cookie eyJpdiI6IkFBQUEi.eyJhYmNkZWZnaA.c2lnbmF0", f"cookie {MASK}"),
    ("-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----\nx", f"{MASK}\nx"),
    ("-----BEGIN PRIVATE KEY-----\nabc", MASK),
    (f"{'Hunter' * 3}\n{'hunter' * 9}\nab==\n-----END RSA PRIVATE KEY-----\nrest", f"{MASK}\nrest"),
    (f"an error\n{'hunter' * 9}\n-----END PRIVATE KEY-----", f"an error\n{MASK}"),
    (rf"{'hunter' * 9}\n{'hunter' * 9}\n-----END PRIVATE KEY-----", MASK),
    # Addresses that are their own key.
    (
        "POST https://hooks.slack.com/services/T0/B0/hunter2 failed",
        f"POST https://hooks.slack.com/services/{MASK} failed",
    ),
    (r"https:\/\/discord.com\/api\/webhooks\/1\/hunter2", rf"https:\/\/discord.com\/api\/webhooks\/{MASK}"),
    ("https://api.telegram.org/bot12:AAhunter2/getMe 404", f"https://api.telegram.org/bot{MASK}/getMe 404"),
    ("https://chat.example.com/hooks/abcd1hunterabcdefghijklmn x", f"https://chat.example.com/hooks/{MASK} x"),
    ("https://x.webhook.office.com/webhookb2/a@b/c/hunter", f"https://x.webhook.office.com/webhookb2/{MASK}"),
    (
        "https://chat.googleapis.com/v1/spaces/A/messages?key=x&token=hunter2",
        f"https://chat.googleapis.com/v1/spaces/A/messages?key=x&token={MASK}",
    ),
    ("GET /x?expires=1&signature=hunter2 HTTP/1.1", f"GET /x?expires=1&signature={MASK} HTTP/1.1"),
    ("https://x.example.com/y?sv=1&sig=hunter%2F2", f"https://x.example.com/y?sv=1&sig={MASK}"),
    (f"https://{'a1' * 16}@o1.ingest.sentry.io/4", f"https://{MASK}@o1.ingest.sentry.io/4"),
    ("amqp://shop:hunter2@mq:5672/v", f"amqp://shop:{MASK}@mq:5672/v"),
    ("smtp://shop:hunter2@mail:587", f"smtp://shop:{MASK}@mail:587"),
    # Short names, XML, PHP's define, calls in its traces.
    ('{"pass": "hunter2", "n": 1}', f'{{"pass": "{MASK}", "n": 1}}'),
    (r'{"line": "{\"pass\":\"hunter2\"}"}', rf'{{"line": "{{\"pass\":\"{MASK}\"}}"}}'),
    ("'pass' => 'hunter 2',", f"'pass' => '{MASK}',"),
    ("x pass=hunter2 y", f"x pass={MASK} y"),
    ("Server=db;Uid=a;Pwd=hunter2;", f"Server=db;Uid=a;Pwd={MASK};"),
    ("pass: hunter2", f"pass: {MASK}"),
    ("PHP_AUTH_PW=hunter2", f"PHP_AUTH_PW={MASK}"),
    ("<password>hunter 2</password>", f"<password>{MASK}</password>"),
    ('<db_password type="x">hunter2</db_password>', f'<db_password type="x">{MASK}</db_password>'),
    ("define('DB_PASSWORD', 'hunter 2');", f"define('DB_PASSWORD', '{MASK}');"),
    ("define( 'AUTH_KEY', 'hunter 2' );", f"define( 'AUTH_KEY', '{MASK}' );"),
    ("#3 T->authenticate(Object(Smtp), 'u', 'hunter 2')", f"#3 T->authenticate(Object(Smtp), 'u', '{MASK}')"),
    ("#3 T->authenticate('u', 'hunter 2', 'LOGIN')", f"#3 T->authenticate('u', '{MASK}', 'LOGIN')"),
    ("ldap_bind(Resource id #3, 'cn=a', 'hunter 2')", f"ldap_bind(Resource id #3, 'cn=a', '{MASK}')"),
    ("ftp_login(Resource id #3, 'u', 'hunter 2')", f"ftp_login(Resource id #3, 'u', '{MASK}')"),
    ("imap_open('{mail:993}', 'u', 'hunter 2')", f"imap_open('{{mail:993}}', 'u', '{MASK}')"),
    ("ssh2_auth_password(Resource id #3, 'u', 'hunter 2')", f"ssh2_auth_password(Resource id #3, 'u', '{MASK}')"),
    # Several words without quotes.
    (".env:12:DB_PASSWORD=correct hunter staple", f".env:12:DB_PASSWORD={MASK}"),
    ("www.conf:12: env[DB_PASSWORD] = hunter 2", f"www.conf:12: env[DB_PASSWORD] = {MASK}"),
    ("env DB_PASSWORD=hunter A=b -x", f"env DB_PASSWORD={MASK} A=b -x"),
    # Keys by their beginning, sessions, files of logins.
    (f"key SG.{'hunter' * 3}.{'hunter' * 7} x", f"key {MASK} x"),
    (f"api:key-{'0123abcd' * 4} x", f"api:{MASK} x"),
    (f"?k=AIza{'hunter' * 6}", f"?k={MASK}"),
    (f"sk-proj-{'hunter_' * 4}", MASK),
    (f"npm_{'hunter' * 6}", MASK),
    ("Cookie: a=hunter2x; b=hunter", f"Cookie: a={MASK}"),
    ("agency_session=hunterhunterhunter; path=/", f"agency_session={MASK}; path=/"),
    ("PHPSESSID=hunterhunterhunter", f"PHPSESSID={MASK}"),
    ("machine a login b password hunter2", f"machine a login b password {MASK}"),
    ('{"auths":{"r":{"auth":"aHVudGVyOng="}}}', f'{{"auths":{{"r":{{"auth":"{MASK}"}}}}}}'),
    ("//registry.example.com/:_auth=aHVudGVyOng=", f"//registry.example.com/:_auth={MASK}"),
]
ORDINARY = [
    "DB_PASSWORD=",
    '{"argv": ["DB_PASSWORD=", "x"]}',
    "['DB_PASSWORD=', 'x']",
    '{"password": "", "n": 1}',
    '{"password": null, "token": 3}',
    "'password' => $password, 'n' => env('DB_NAME', 'x')",
    "'password_confirmation' => ['required', 'min:8']",
    "Access denied for user 'shop'@'localhost' (using password: YES)",
    "(password: no)",
    "token: unexpected end of file",
    "Password: must have eight characters",
    'syntax error, unexpected token "=>", expecting ")"',
    'SyntaxError: Unexpected token "}", "x" is not valid JSON',
    "token-web1, token-web2 is production. Type token-web1 to go on:",
    "token-web1: FIXED in 31.5 s",
    "secrets: connecting to 10.0.0.1 port 22",
    '{"prompt": "Enter password: ", "n": 1}',
    "mysql -u root -p shop",
    "mysql -h db -P3306 shop",
    "mysql  active      docker run -p3306:3306",
    '["mysql", "-p"]',
    "requirepass is not set",
    "IDENTIFIED BY x",
    "PDO->__construct('mysql:host=db', 'shop', Object(SensitiveParameterValue), Array)",
    "Route::get('/password', 'x')",
    "Error encountered at [12:30].",
    "Unexpected token: foo, expected: bar",
    "tokens: 12, secrets: 3, passwords: none",
    "https://example.com:8080/a@b",
    "http://[::1]:8080/@vite/client",
    "git+ssh://git@example.com:22/shop@v1",
    "php8.3-fpm  failed since 02:51:10Z (exit 255)",
    "nginx: [emerg] unknown directive in /etc/nginx/nginx.conf:12",
    "ssh -p 22 web1",
    "curl -u admin https://a.example:8080/",
    "curl --user-agent x:y https://a.example/",
    "curl -s https://a.example/ -o x",
    "x --password --verbose",
    "Failed at [12:30].",
    "-----BEGIN PUBLIC KEY-----\nabc",
    f"an error\n{'abcd' * 12}\n-----END PUBLIC KEY-----",
    "PWD=/home/forge",
    "OLDPWD=/var/www",
    "tests pass: 12, fail: 0",
    "PASS: tests/first.sh",
    "pass=true in 3 s",
    "proxy_pass http://unix:/run/x.sock;",
    "fastcgi_pass unix:/run/php/php8.3-fpm.sock;",
    "session_id is missing",
    "SESSION_DRIVER=redis",
    "agency_session=1",
    "the cookie: too large",
    "https://example.com/hooks/stripe 500",
    "https://github.com/shop/hooks/useSomethingThatIsLong",
    "https://discord.com/api/webhooks",
    "https://git@example.com/x",
    "$this->login($user, $password)",
    "#2 Container->bind('App\\Shop', 'App\\Cart')",
    "'auth' => ['guard' => 'web']",
    '{"auth": "basic"}',
    "monkey-business, key-value, hot-key-0",
    "SG.1 and SK.2",
    "define('APP_NAME', 'shop')",
    "<pass/> <passed>3</passed>",
    "the signature= of a function",
    "2026/11/23 08:31:12 [crit] 69#69: *17 connect() to unix:/run/php/php8.2-fpm.sock failed (2: No such file)",
    "Nov 29 18:00:01 web1 sshd[12]: pam_unix(sshd:session): session opened for user forge(uid=1000) by (uid=0)",
    '192.0.2.1 - - [29/Nov/2026:18:00:01 +0000] "GET /health?page=2 HTTP/1.1" 200 17 "-" "curl/7.88.1"',
]


@pytest.mark.parametrize(("text", "masked"), SECRETS)
def test_a_secret_is_masked(text: str, masked: str) -> None:
    assert mask_shapes(text) == masked
    assert mask_shapes(masked) == masked
    assert opens(text)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_not(text: str) -> None:
    assert mask_shapes(text) == text


@pytest.mark.parametrize("text", [text for text, masked in SECRETS if text != masked])
def test_a_document_stays_json(text: str) -> None:
    """Masked once by its values and once more as text, a document still says the same."""
    document: dict[str, Json] = {"line": text, "lines": [f"x {text}", text], "rest": 'it\'s "quoted"'}
    once = Masker().mask_json(document)
    shown = Masker().mask(json.dumps(once))
    assert json.loads(shown)["rest"] == document["rest"]
    assert "hunter" not in shown


def test_everything_that_is_masked_opens() -> None:
    for text, masked in SECRETS:
        for shape in shapes():
            assert opens(text) or not shape.search(text), shape.pattern
        assert mask_shapes(text) == masked


def test_a_private_key_that_does_not_end() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
    assert not leaves_block_open("")
    assert not leaves_block_open(key + key)
    assert leaves_block_open(key + "-----BEGIN PRIVATE KEY-----\n")
