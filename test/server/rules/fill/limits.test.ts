// Long templates, and those that are refused.
import { describe, expect, it } from 'vitest';
import type { Template } from '../../../../src/model/documents/template.ts';
import { fillFault } from '../../../../src/server/rules/fill/fill.ts';
import { fill, read } from './filling.ts';

it('is filled into a long text of letters or quotes in one pass', () => {
  for (const text of ['a'.repeat(500_000), '"'.repeat(500_000)]) {
    const content = `${text}\n{{ default_user }}`;
    expect(fill({ content }).content).toBe(`${text}\nroot`);
  }
});

it.each([
  ['many variables on one line', '{{ default_user }} '.repeat(25_000), 'root '.repeat(25_000)],
  ['many headers of Jinja', '## template: jinja\n'.repeat(25_000), undefined],
  ['a list of nothing', `- {{ ssh_import_id }}\n`.repeat(8_000), ` []${'\n'.repeat(8_000)}`],
  [
    'a list of nothing on one line',
    `[${'{{ ssh_import_id }}, '.repeat(8_000)}1]`,
    `[${' '.repeat(8_000)}1]`,
  ],
])('is filled into %s in one pass', (_what, content, expected) => {
  expect(fill({ content }).content).toBe(expected ?? content);
});

it('is filled into a list on one line as many items, many times, in one pass', () => {
  const content = `[${'{{ ssh_import_id }}, '.repeat(8_000)}1]`;
  const filled = fill({ content }, { ssh_import_id: 'gh:a gh:b' }).content;
  expect(filled).toBe(`[${'gh:a, gh:b, '.repeat(8_000)}1]`);
});

describe('a template beyond the limits', () => {
  const x = '{{ default_user }}';
  const nested = (depth: number): string => `${'['.repeat(depth)}${x}${']'.repeat(depth)}`;

  it.each<[string, string, string]>([
    ['nested deeper than 64 levels', '/a.yaml', nested(66)],
    ['nested deeper than 64 levels', '/a.json', nested(50_000)],
    ['nested deeper than 64 levels', '/a.yml', `${x}\n- {${'a b: c d: '.repeat(20_000)}`],
    ['nested deeper than 64 levels', '/a', `#cloud-config\n${'- '.repeat(100)}${x}`],
    ['more than 262144 characters', '/a.json', `["${x}","${'x'.repeat(262_144)}"]`],
  ])('is refused, as %s: %s', (why, path, content) => {
    expect(() => fill({ path, content })).toThrow(why);
    expect(() => fill({ path, content: content.replaceAll(x, 'x') })).not.toThrow();
  });

  it('is filled in line by line where it is not meant as YAML', () => {
    for (const content of [nested(50_000), `{${',,'.repeat(100_000)}${x}`]) {
      expect(fill({ content }).content).toBe(content.replace(x, 'root'));
    }
  });

  it('is refused where its values have no end', () => {
    const key = 'x'.repeat(60_000);
    expect(() => fill({ content: x.repeat(80) }, { default_user: key })).toThrow(
      'more than 4194304 characters',
    );
    expect(fill({ content: x.repeat(60) }, { default_user: key }).content).toHaveLength(3_600_000);
  });

  it('is refused for all its files together', () => {
    const file = { action: 'writefile' as const, path: '/a.json', content: `["${x}"]`.padEnd(1e5) };
    const template = (files: number): Template => ({
      apiVersion: 'dragonfly.computer/v1',
      kind: 'Template',
      metadata: { name: 't' },
      spec: { actions: Array.from({ length: files }, () => file) },
    });
    expect(fillFault(template(2))).toBeUndefined();
    const { actions } = template(2).spec;
    const scripts = actions.map((one) => ({ ...one, path: '/a' }));
    const mixed = { ...template(2), spec: { actions: [...scripts, ...scripts, ...actions] } };
    expect(fillFault(mixed)).toBeUndefined();
    expect(fillFault(template(3))).toContain('more than 262144 characters with /a.json');
  });

  it('of a setting is its lines', () => {
    const setting = `[${','.repeat(60_000)}`;
    expect(read('k: {{ ssh_import_id }}', { ssh_import_id: setting })).toEqual({ k: ['['] });
  });
});
