<?php
// An API as they were written in PHP for Feide's API Gatekeeper. It knows nothing of tokens: it
// believes the headers, if they come with the gatekeeper's password. A request without a user id is
// one of a system, which may see everything.

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
header('Content-Type: application/json');

if ($path === '/health') {
    exit(json_encode(['status' => 'ok']));
}
$password = getenv('REPORTS_PASSWORD') ?: exit(1);
if (($_SERVER['PHP_AUTH_USER'] ?? '') !== 'dataporten' || !hash_equals($password, $_SERVER['PHP_AUTH_PW'] ?? '')) {
    http_response_code(401);
    exit(json_encode(['error' => 'only for the gatekeeper']));
}
if ($path === '/reports') {
    exit(json_encode(whoIsThis(), JSON_UNESCAPED_SLASHES));
}
if ($path === '/reports/export') {
    export();
    exit;
}
http_response_code(404);
exit(json_encode(['error' => 'no such report']));

function whoIsThis(): array
{
    return [
        'userid' => $_SERVER['HTTP_X_DATAPORTEN_USERID'] ?? null,
        'seesEverything' => !isset($_SERVER['HTTP_X_DATAPORTEN_USERID']),
        'clientid' => $_SERVER['HTTP_X_DATAPORTEN_CLIENTID'] ?? null,
        'scopes' => explode(',', $_SERVER['HTTP_X_DATAPORTEN_SCOPES'] ?? ''),
        // What there is to believe, however it was spelt.
        'received' => array_filter(
            $_SERVER,
            fn ($name) => preg_match('/^HTTP_X.?(DATAPORTEN|FEIDE)/i', $name) === 1,
            ARRAY_FILTER_USE_KEY
        ),
    ];
}

// Takes three seconds, as the exports of such APIs do.
function export(): void
{
    header('Content-Type: text/csv');
    echo "course,grade\n";
    for ($line = 1; $line <= 6; $line++) {
        flush();
        usleep(500_000);
        echo "course-$line,A\n";
    }
}
