import { expect, it } from 'vitest';
import { errorCodes } from '../../src/core/errors.ts';

it('is a table of `area.what` codes, each explained in a sentence', () => {
  for (const [code, meaning] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  }
});
