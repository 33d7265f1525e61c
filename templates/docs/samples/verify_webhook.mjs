import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE = 5 * 60; // seconds that our clocks may differ

/**
 * The event, if we sent it; throws if not.
 * headers: by lower-case name. body: the Buffer as it came, before any parsing.
 */
export function verify(headers, body, secret) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE)) {
    throw new Error('too old, or from the future');
  }
  const key = secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  for (const signature of headers['webhook-signature'].split(' ')) {
    const [version, given] = signature.split(',');
    const bytes = Buffer.from(given ?? '', 'base64');
    if (version === 'v1' && bytes.length === expected.length && timingSafeEqual(bytes, expected)) {
      return JSON.parse(body.toString('utf8'));
    }
  }
  throw new Error('not signed with this secret');
}
