import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineDiff } from '../../../src/cli/text/line-diff.ts';

describe('the difference of two texts', () => {
  it('is nothing where they are the same', () => {
    expect(lineDiff('a\nb', 'a\nb')).toEqual([]);
  });

  it('shows what was taken out and put in, with three lines around', () => {
    const before = '1\n2\n3\n4\n5\nold\n7\n8\n9\n10\n11';
    const shown = '…| 3| 4| 5|-old|+new| 7| 8| 9|…';
    expect(lineDiff(before, before.replace('old', 'new')).join('|')).toBe(shown);
  });

  it('holds both texts whole, whatever they are', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = lineDiff(before.join('\n'), after.join('\n'));
        const side = (sign: string): string[] =>
          lines
            .filter((line) => !line.startsWith(sign) && line !== '…')
            .map((line) => line.slice(1));
        fc.pre(lines.length > 0 && !lines.includes('…'));
        expect(side('+')).toEqual(before);
        expect(side('-')).toEqual(after);
      }),
    );
  });
});
