// Bodies in YAML that would take long to read.
import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../../../src/server/http/requests/json.ts';

const full = (text: string): string => text.repeat((1024 * 1024) / text.length);

describe('a body of YAML', () => {
  it.each(['[', '[]', '{a: ', '- ', '- a\n', '? ', '- &a b\n', '- @\n', '- [[[[a]]]]\n', '#\n'])(
    'that has 1 MiB of %j is refused before it is read',
    (text) => {
      expect(() => parseYaml(full(text))).toThrow(/more than 50000 words and signs/);
    },
  );

  it('may be long where it has a long text', () => {
    const lines = ' x\n'.repeat(300_000);
    expect(parseYaml(`a: |\n${lines}b: 1\n`)).toEqual({ a: 'x\n'.repeat(300_000), b: 1 });
  });

  it('may have 7000 lines', () => {
    const lines = Array.from({ length: 7000 }, (_, n) => `key${n}: value ${n}`);
    expect(Object.keys(Object(parseYaml(lines.join('\n'))))).toHaveLength(7000);
  });
});
