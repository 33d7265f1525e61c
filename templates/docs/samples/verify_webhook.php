<?php
const TOLERANCE = 5 * 60; // seconds that our clocks may differ

/**
 * The event, if we sent it; throws if not.
 * $headers: by lower-case name. $body: as it came, file_get_contents('php://input').
 */
function verify(array $headers, string $body, string $secret): array
{
    $id = $headers['webhook-id'];
    $timestamp = $headers['webhook-timestamp'];
    if (abs(time() - (int) $timestamp) > TOLERANCE) {
        throw new RuntimeException('too old, or from the future');
    }
    $key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, 6)) : $secret;
    $expected = base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    foreach (explode(' ', $headers['webhook-signature']) as $signature) {
        [$version, $given] = explode(',', $signature, 2) + [1 => ''];
        if ($version === 'v1' && hash_equals($expected, $given)) {
            return json_decode($body, true, 512, JSON_THROW_ON_ERROR);
        }
    }
    throw new RuntimeException('not signed with this secret');
}
