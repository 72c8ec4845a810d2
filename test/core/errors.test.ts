import { expect, it } from 'vitest';
import { describeError, errorCodes } from '../../src/core/errors.ts';

it('is a table of `area.what` codes, each explained in a sentence', () => {
  for (const [code, meaning] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  }
});

it('is described in one line with its causes, also where OpenSSL ended one', () => {
  const cause = new Error('wrong version number:tlsany_meth.c:78:\n');
  expect(describeError(new Error('cannot reach it', { cause }))).toBe(
    'cannot reach it: wrong version number:tlsany_meth.c:78:',
  );
});
