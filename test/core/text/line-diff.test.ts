import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffOf } from '../../../src/core/text/line-diff.ts';

const signs = { same: ' ', removed: '-', added: '+', 'left out': '…' } as const;
const shown = (before: string, after: string): string[] =>
  diffOf(before, after).map(({ kind, text }) => signs[kind] + text);

describe('the difference of two texts', () => {
  test('names lines that are gone, come and the same', () => {
    expect(shown('a\nb\nc\nd', 'a\nx\nc\nd\ne')).toEqual([' a', '-b', '+x', ' c', ' d', '+e']);
  });

  test('keeps the most lines in common', () => {
    expect(shown('a\nb\nc', 'b\nc\na')).toEqual(['-a', ' b', ' c', '+a']);
  });

  test('is all of a text where the other one is empty', () => {
    expect(shown('', 'a\nb\n')).toEqual(['+a', '+b']);
    expect(shown('a\nb\n', '')).toEqual(['-a', '-b']);
  });

  test('holds both texts whole, whatever they are', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffOf(before.join('\n'), after.join('\n'));
        fc.pre(!lines.some(({ kind }) => kind === 'left out'));
        const without = (one: string): string[] =>
          lines.filter(({ kind }) => kind !== one).map(({ text: line }) => line);
        expect(without('added')).toEqual(before);
        expect(without('removed')).toEqual(after);
      }),
    );
  });

  test('leaves out what is far from a change', () => {
    const many = Array.from({ length: 10 }, (_, i) => String(i)).join('\n');
    expect(shown(many, `${many}\nx`)).toEqual(['…', ' 7', ' 8', ' 9', '+x']);
    expect(shown(many, many)).toEqual(['…']);
  });

  test('shows what is too long to compare in one piece', () => {
    const lines = (word: string) => Array.from({ length: 2100 }, (_, i) => `${word}${String(i)}`);
    const both = shown(['x', ...lines('a'), 'y'].join('\n'), ['x', ...lines('b'), 'y'].join('\n'));
    expect(both.slice(0, 2)).toEqual([' x', '-a0']);
    expect(both).toHaveLength(4202);
  });
});
