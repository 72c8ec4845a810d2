// Variables that are lists.
import { describe, expect, it } from 'vitest';
import { keys, fill, read } from './filling.ts';

describe('ssh_authorized_keys', () => {
  it.each([
    ['none', '', []],
    ['one', keys[0] ?? '', [keys[0]]],
    ['several, one to a line', keys.join('\n'), keys],
    ['several, as a YAML list', keys.map((key) => `- ${key}`).join('\n'), keys],
    ['several, as a flow list', JSON.stringify(keys), keys],
  ])('%s: a list', (_name, ssh_authorized_keys, expected) => {
    const settings = { ssh_authorized_keys };
    expect(read('k: {{ ssh_authorized_keys }}', settings)).toEqual({ k: expected });
    expect(read('k:\n  {{ ssh_authorized_keys }}', settings)).toEqual({ k: expected });
  });

  it('are items where the template writes the list', () => {
    const settings = { ssh_authorized_keys: keys.join('\n') };
    expect(read('k:\n  - {{ ssh_authorized_keys }}\nl: 1', settings)).toEqual({ k: keys, l: 1 });
  });

  it('are lines in a file of keys', () => {
    const content = '{{ ssh_authorized_keys }}\n';
    const settings = { ssh_authorized_keys: keys.join('\n') };
    expect(fill({ content }, settings).content).toBe(`${keys.join('\n')}\n`);
    expect(fill({ content }).content).toBe('\n');
  });

  it('of services are a list too', () => {
    const content = 'ssh_import_id: {{ ssh_import_id }}';
    expect(read(content)).toEqual({ ssh_import_id: [] });
    const settings = { ssh_import_id: 'gh:ada, gl:grace' };
    expect(read(content, settings)).toEqual({ ssh_import_id: ['gh:ada', 'gl:grace'] });
  });
});

describe('a list variable', () => {
  const set = { ssh_authorized_keys: keys.join('\n') };

  it.each([
    ['alone in a list', 'k:\n  - {{ssh_authorized_keys}}\nl: 1', []],
    ["alone, at its key's indentation", 'k:\n- {{ssh_authorized_keys}}\nl: 1', []],
    ['first', 'k:\n  - {{ssh_authorized_keys}} # all\n  - b\nl: 1', ['b']],
    ['last', 'k:\n  - b\n  - {{ssh_authorized_keys}}\nl: 1', ['b']],
    ['between', 'k:\n- b\n- {{ssh_authorized_keys}}\n- c\nl: 1', ['b', 'c']],
    ['twice', 'k:\n  - {{ssh_authorized_keys}}\n  - {{ssh_authorized_keys}}\nl: 1', []],
    [
      'twice behind another',
      'k:\n  - b\n  - {{ssh_authorized_keys}}\n  - {{ssh_authorized_keys}}\nl: 1',
      ['b'],
    ],
    [
      'twice before another',
      'k:\n  - {{ssh_authorized_keys}}\n  - {{ssh_authorized_keys}}\n  - b\nl: 1',
      ['b'],
    ],
    ['in brackets', 'k: [{{ssh_authorized_keys}}]\nl: 1', []],
    ['twice in brackets', 'k: [{{ssh_authorized_keys}}, {{ssh_authorized_keys}}]\nl: 1', []],
    [
      'twice before another in brackets',
      'k: [{{ssh_authorized_keys}}, {{ssh_authorized_keys}}, b]\nl: 1',
      ['b'],
    ],
    [
      'around another in brackets',
      'k: [{{ssh_authorized_keys}}, b, {{ssh_authorized_keys}}, {{ssh_authorized_keys}}]\nl: 1',
      ['b'],
    ],
    ['first in brackets', 'k: [ {{ssh_authorized_keys}}, b ]\nl: 1', ['b']],
    ['last in brackets', '{"k": ["b", {{ssh_authorized_keys}}], "l": 1}', ['b']],
  ])('without items is no item, %s', (_name, content, rest) => {
    expect(read(content)).toEqual({ k: rest, l: 1 });
    const { k } = Object(read(content, set));
    expect(k).toEqual(expect.arrayContaining([...keys, ...rest]));
  });

  it('first in a list within a list', () => {
    const content = '- - {{ssh_authorized_keys}}\n  - b\n- c';
    expect(read(content)).toEqual([['b'], 'c']);
    expect(read(content, set)).toEqual([[...keys, 'b'], 'c']);
  });

  it('set to what only looks like a list is its lines', () => {
    expect(read('k: {{ ssh_authorized_keys }}', { ssh_authorized_keys: '[oops' })).toEqual({
      k: ['[oops'],
    });
  });
});
