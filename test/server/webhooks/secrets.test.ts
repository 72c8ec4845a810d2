import { expect, it } from 'vitest';
import type { Webhook } from '../../../src/model/documents/webhook.ts';
import { newKeyLine, SecretBox } from '../../../src/server/access/secrets.ts';
import { resealed, secretsOf } from '../../../src/server/webhooks/secrets.ts';

const now = new Date('2026-01-02T03:04:05Z');
const [gone, old, current] = [newKeyLine(), newKeyLine(), newKeyLine()];
const [before, after] = [new SecretBox(old), new SecretBox(`${current}\n${old}`)];
const isCurrent = (kept: string) => after.isOurs(kept) && after.isCurrent(kept);

/** One whose old secret only a key opens that is no more, and holds until `until`. */
function webhook(until: string): Webhook {
  const owner = 'webhook/inventory';
  return {
    name: 'inventory',
    url: 'https://hooks.example/',
    events: null,
    enabled: true,
    secret: before.keep('whsec_new', owner),
    old_secret: { secret: new SecretBox(gone).keep('whsec_old', owner), until },
    created_at: now.toISOString(),
    failing: null,
    overflowed_at: null,
  };
}

it('an old secret that holds no more is dropped with a new key, whether or not any key opens it', () => {
  const anew = resealed(webhook('2026-01-02T03:00:00Z'), after, isCurrent, now);
  expect(anew?.old_secret).toBeNull();
  expect(anew && secretsOf(anew, new SecretBox(current), now)).toEqual(['whsec_new']);
  expect(anew && resealed(anew, after, isCurrent, now)).toBeUndefined();
});

it('an old secret that still holds is not dropped: the error says so', () => {
  expect(() => resealed(webhook('2026-01-02T04:00:00Z'), after, isCurrent, now)).toThrow(
    'not in the key file',
  );
});
