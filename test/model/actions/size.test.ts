import { describe, expect, it } from 'vitest';
import { parseSize } from '../../../src/model/actions/size.ts';

const MiB = 1024 * 1024;

describe('a size', () => {
  it.each([
    ['512M', 512],
    ['+512M', 512],
    ['512', 512],
    ['2GiB', 2048],
    ['4 g', 4096],
    ['2048K', 2],
    ['1TB', 1024 * 1024],
  ])('%s is %d MiB', (text, mib) => {
    expect(parseSize(text)).toBe(mib * MiB);
  });

  it.each(['', '0', '-1', '1K', '5 %', '1.5G', 'M', '99999999999M', '5P'])(
    '%j is refused',
    (text) => {
      expect(() => parseSize(text)).toThrow('like 512M');
    },
  );
});
