import { expect, it } from 'vitest';
import { parseYaml } from '../../../src/cli/text/yaml.ts';

it('reads a document', () => {
  expect(parseYaml('store: etcd:http://[::1]:2379\nport: 3000\n')).toEqual({
    store: 'etcd:http://[::1]:2379',
    port: 3000,
  });
});

it.each([
  ['*hunter2', 'begins with *'],
  ['!hunter2 x', 'begins with !'],
  ['!hunter2! x', 'begins with !'],
  ['!<hunter2> x', 'begins with !'],
  ['|hunter2', 'means nothing here'],
  ['"\\hunter2"', 'escape sequence'],
  ['hunter2: x', 'Nested mappings'],
  ['@hunter2', 'cannot start with'],
  ['"hunter2', 'Missing closing'],
  ['1\n---\nb: hunter2', 'several documents'],
  ['1e999 # hunter2', 'number that is too large'],
  ['.nan # hunter2', '.nan, which is no number'],
])('of a faulty text %s nothing is repeated', (text, why) => {
  let said = '';
  try {
    parseYaml(`listen: "::"\npassword: ${text}\n`);
  } catch (err) {
    said = String(err);
  }
  expect(said).toContain(why);
  expect(said).not.toMatch(/hunter|\n/);
});

it('reads by the rules of YAML 1.2, whatever a directive says', () => {
  expect(parseYaml('%YAML 1.1\n---\na: 010\nb: yes\n')).toEqual({ a: 10, b: 'yes' });
});

it('keeps the digits of a number that is longer than numbers are', () => {
  const digits = 'wwn: 0x5000c500a1b2c3d4\nserial: 12345678901234567890\nsize: 447\n';
  expect(parseYaml(digits)).toEqual({
    wwn: 0x5000_c500_a1b2_c3d4n,
    serial: 12_345_678_901_234_567_890n,
    size: 447,
  });
});

it('of a text with an error in each character, the first is said', () => {
  expect(() => parseYaml(`[${']'.repeat(50_000)}`)).toThrow('at line 1, column 3');
});
