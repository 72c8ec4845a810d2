import { expect, it } from 'vitest';
import { withoutLogSecrets } from '../../../src/core/text/credentials.ts';

it.each([
  'password',
  'a_token-',
  'password ',
  'iscsi:',
  'http://',
  'http://a:',
  'a.',
  '--secret ',
  '"token":',
])('text of 256 KiB that repeats %j takes no longer than other text', (part) => {
  const text = part.repeat(262_144 / part.length);
  const before = process.cpuUsage();
  withoutLogSecrets(text);
  const { user } = process.cpuUsage(before);
  expect(user).toBeLessThan(2_000_000);
});

it.each([
  ['my.password=a b', 'my.password=removed b'],
  ['x{"a-secret-of": "b c"}', 'x{"a-secret-of": removed}'],
  ['run --the-token-file abc', 'run --the-token-file removed'],
  ['see https://a:b@host/p?sig=x?y and http://h?', 'see https://removed@host/p?… and http://h?'],
  ['iscsi:me:pw@host:x cifs:me:pw@host', 'iscsi:removed@host:x cifs:removed@host'],
  ['passwords are long, tokens: none', 'passwords are long, tokens: removed'],
])('%s', (text, shown) => {
  expect(withoutLogSecrets(text)).toBe(shown);
});
