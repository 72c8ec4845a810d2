import { wordlist } from '@scure/bip39/wordlists/english.js';
import { describe, expect, it } from 'vitest';
import { memorableName } from '../../src/identity/memorable-name.ts';

describe('memorableName', () => {
  it('makes four words of the low 44 bits, high to low', () => {
    // 04:7c:16:eb:74:ed: its low 44 bits are the indexes 574, 91, 1390 and 1261.
    expect(memorableName('04:7c:16:eb:74:ed')).toBe('ElephantArenaPunchOval');
    expect([574, 91, 1390, 1261].map((i) => wordlist[i])).toEqual([
      'elephant',
      'arena',
      'punch',
      'oval',
    ]);
  });

  it('ignores the upper four bits and the spelling', () => {
    expect(memorableName('F4-7C-16-EB-74-ED')).toBe(memorableName('04:7c:16:eb:74:ed'));
  });

  it('falls back to the first eight characters of what is no MAC', () => {
    expect(memorableName('in:va:lid:address')).toBe('Machine-invalida');
  });
});
