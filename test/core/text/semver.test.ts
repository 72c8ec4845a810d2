import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../../src/core/text/semver.ts';

/** The order of clause 11, with what only looks like it between. */
const ascending = [
  '0.0.9',
  '0.1.0',
  '0.1.10',
  '0.2.0-1',
  '0.2.0-2',
  '0.2.0-11',
  '0.2.0-alpha',
  '0.2.0-alpha.1',
  '0.2.0-alpha.beta',
  '0.2.0-beta.2',
  '0.2.0-beta.11',
  '0.2.0-rc.1',
  '0.2.0',
  '0.10.0',
  '1.0.0',
  '10.0.0',
];

const junk = [
  '',
  ' ',
  'simulated',
  'dev',
  '0.2',
  '0.2.0.0',
  'v0.2.0',
  ' 0.2.0',
  '0.2.0\n',
  '00.2.0',
  '0.02.0',
  '-1.2.0',
  '0.2.x',
  '0.2.0-',
  '0.2.0+',
  '0.2.0-rc 1',
  '١.٢.٠',
  '1e9.0.0',
  '9999999999999999999999.0.0',
  `0.2.0-${'a'.repeat(5000)}`,
  '1.'.repeat(5000),
  'NaN.NaN.NaN',
  'null',
  '0.2.0; rm -rf /',
];

describe('two versions', () => {
  it('stand in the order of the specification', () => {
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) {
        expect([a, b, Math.sign(compareVersions(a, b) ?? NaN)]).toEqual([a, b, Math.sign(i - j)]);
      }
    }
  });

  it('of different builds are neither older nor newer', () => {
    expect(compareVersions('0.2.0+a', '0.2.0+b')).toBe(0);
    expect(compareVersions('0.2.0-rc.1+a', '0.2.0-rc.1')).toBe(0);
  });

  it.each(junk)('are not compared where one is %j', (text) => {
    expect(compareVersions(text, '0.2.0')).toBeUndefined();
    expect(compareVersions('0.2.0', text)).toBeUndefined();
  });
});
