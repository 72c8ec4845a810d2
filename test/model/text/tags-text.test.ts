import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tagsOf, tagsText } from '../../../src/model/text/tags-text.ts';

describe('tags in one line', () => {
  it.each([
    ['a, b c', ['a', 'b', 'c']],
    ['a,,a', ['a']],
    ['"rack 4, left" gpu', ['rack 4, left', 'gpu']],
    [String.raw`"say \"hi\" \\"`, [String.raw`say "hi" \ `.trim()]],
    ['', []],
  ])('%s', (text, tags) => {
    expect(tagsOf(text)).toEqual(tags);
  });

  it('are the same after being shown and read, whatever is in them', () => {
    const tag = fc.string({ minLength: 1, maxLength: 64, unit: 'binary' });
    fc.assert(
      fc.property(fc.uniqueArray(tag, { maxLength: 8 }), (tags) => {
        expect(tagsOf(tagsText(tags))).toEqual(tags);
      }),
    );
  });
});
