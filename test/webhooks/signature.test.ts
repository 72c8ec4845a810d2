import { expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { isSecretText, newSecret, signedHeaders } from '../../src/webhooks/signature.ts';

it('signs as the Standard Webhooks libraries verify, with every secret that holds', () => {
  const [secret, old] = [newSecret(), newSecret()];
  const body = '{"type":"machine.changed"}';
  const headers = { ...signedHeaders('msg', new Date(), body, [secret, old]) };
  for (const known of [secret, old]) {
    expect(new Webhook(known).verify(body, headers)).toEqual({ type: 'machine.changed' });
    expect(() => new Webhook(known).verify(`${body} `, headers)).toThrow('No matching signature');
  }
  expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow('No matching signature');
});

it('signs as the specification shows', () => {
  // Source: the Standard Webhooks libraries' own test vector.
  const headers = signedHeaders(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    new Date(1_614_265_330_000),
    '{"test": 2432232314}',
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  );
  expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

it('takes secrets of 24 to 64 bytes in base64 alone', () => {
  const of = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
  expect([24, 32, 64].map((bytes) => isSecretText(of(bytes)))).toEqual([true, true, true]);
  const wrong = [of(23), of(65), '', 'whsec_', of(32).slice(6), `${of(32)}!`, `whpk_${of(32)}`];
  expect(wrong.filter(isSecretText)).toEqual([]);
});
