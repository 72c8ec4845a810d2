// Any text that a variable may have, in any place of a file.
import fc from 'fast-check';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { fill, texts, withText } from './filling.ts';

/** Places in YAML and JSON where a template may put a text. */
const places = [
  'v: {{ x }}',
  'v:   {{ x }}  # as it is set',
  'a key with spaces: {{ x }}',
  'v : {{ x }}',
  '"v": {{ x }}',
  'v:\n  {{ x }}',
  '? v\n: {{ x }}',
  '{{ x }}: v',
  '"a {{ x }}": v',
  'v: !!str {{ x }}',
  'v: &anchor {{ x }}',
  'v: before {{ x }}',
  'v: {{ x }} after',
  'v: one {{ x }}\n  two',
  'v: /home/{{ x }}/.ssh:ro',
  'v: "{{ x }}"',
  'v: "a {{ x }}\n  {{ x }} b"',
  "v: '{{ x }}'",
  "v: 'a {{ x }}\n  {{ x }} b'",
  'v: "say \\"{{ x }}\\""',
  "v: 'it''s {{ x }}'",
  'v: |\n  {{ x }}\nw: 1',
  'v: |-\n  a {{ x }} b\n  c\nw: 1',
  'v: |+\n  {{ x }}\n\nw: 1',
  'v: |2\n   {{ x }}\nw: 1',
  'v: | # kept\n\n    a\n    {{ x }}\nw: 1',
  'v: >\n  a {{ x }}\n  b\nw: 1',
  'v: >-\n  {{ x }}',
  '- {{ x }}',
  '- a\n- {{ x }}\n- b',
  '- - {{ x }}\n  - b',
  'k:\n- - - {{ x }}',
  'k:\n  - name: {{ x }}\n    other: 1',
  '[{{ x }}]',
  '[a, {{ x }}, b]',
  '[[{{ x }}, {{ x }}]]',
  '{v: {{ x }}}',
  '{ v: {{ x }}, w: 1 }',
  '{ {{ x }}: 1 }',
  'k: [ v: {{ x }} ]',
  '{"v":{{ x }}}',
  '{"v": "{{ x }}", "w": ["{{ x }}"]}',
  '# for {{ x }}\nv: 1',
  'v: 1 # {{ x }}',
  '---\n# a\nv: {{ x }}\n...\n',
  'runcmd:\n  - echo "{{ x }}" > /etc/motd',
  "runcmd:\n  - [sh, -c, 'echo {{ x }}']",
] as const;

describe('any text in any place of YAML', () => {
  it.each(places)('%j is read as that text', (place) => {
    const content = place.replaceAll('{{ x }}', '{{ default_user }}');
    const wanted = parse(place.replaceAll('{{ x }}', 'WORD'));
    fc.assert(
      fc.property(texts, (text) => {
        const filled = fill({ content }, { default_user: text }).content;
        const expected = withText(wanted, 'WORD', text);
        expect({ filled, value: parse(filled) }).toEqual({ filled, value: expected });
        // To cloud-init, which reads YAML 1.1, these end a line.
        expect(filled).not.toMatch(/[\u0085\u2028\u2029]/);
        expect({ filled, value: parse(filled, { version: '1.1', merge: false }) }).toEqual({
          filled,
          value: expected,
        });
      }),
      { numRuns: 200 },
    );
  });

  // The others hold a text that YAML 1.1 might read otherwise, and are put in quotes.
  it.each(places.filter((place) => !/one|echo/.test(place)))(
    '%j keeps every byte where the text is plain',
    (place) => {
      const content = place.replaceAll('{{ x }}', '{{ default_user }}');
      const { content: filled } = fill({ content }, { default_user: 'admin' });
      expect(filled).toBe(place.replaceAll('{{ x }}', 'admin'));
    },
  );

  it('is filled into cloud-config that cannot be read to its end', () => {
    const content = '#cloud-config\npassword: {{ default_password }}\nbad: [\n';
    const { content: filled } = fill({ content }, { default_password: '!x # y' });
    expect(filled).toBe('#cloud-config\npassword: "!x # y"\nbad: [\n');
  });
});

/** Places in a file that cloud-init fills in with Jinja before it reads it. */
const jinjaPlaces = [
  'v: {{ x }}\nh: {{ ds.meta_data["h"] }}',
  '{% if ds.a == "b" %}\nv: {{ x }}\n{% endif %}\nw: 1',
  '{%- for i in a -%}\nv: {{ x }}\n{%- endfor -%}\n',
  '{# a: b\n {% #}\nv: {{ x }}',
  'v: {% if a %}{{ x }}{% else %}{{ x }}{% endif %}',
  "v: '{{ x }}{{ ds.b }}'",
  'users:\n  - passwd: {{ x }}\n{% if a %}\n  - name: b\n{% endif %}\nw: 1',
] as const;

/** The file as Jinja leaves it: a tag says nothing, and an expression is the text E or its quoted text. */
function rendered(content: string): string {
  return content
    .replace(/^.*\n/, '')
    .replaceAll(/\{%[^]*?%\}|\{#[^]*?#\}/g, '')
    .replaceAll(/\{\{([^]*?)\}\}/g, (_, inside: string) => /'(.*)'/.exec(inside)?.[1] ?? 'E');
}

describe('any text in a file for Jinja', () => {
  const braces = fc.string({ unit: fc.constantFrom(...Array.from('{}%#\'" :a-\n')) });
  const hard = fc.constantFrom('{{ 7 * 7 }}', '{% raw %}', 'ab{#c', '{', '!x: {{', '}}', '');

  it.each(jinjaPlaces)('%j is read as that text, and no part of it as Jinja', (place) => {
    const head = '## template: jinja\n#cloud-config\n';
    const content = head + place.replaceAll('{{ x }}', '{{ default_user }}');
    const wanted = parse(rendered(head + place.replaceAll('{{ x }}', 'WORD')));
    fc.assert(
      fc.property(fc.oneof(braces, hard, texts), (text) => {
        const filled = fill({ content }, { default_user: text }).content;
        const expected = withText(wanted, 'WORD', text);
        expect({ filled, value: parse(rendered(filled)) }).toEqual({ filled, value: expected });
      }),
      { numRuns: 200 },
    );
  });

  it('keeps every byte of the rest', () => {
    const content = '## template: jinja\n#cloud-config\n  {% if a %}  \nv: {{ default_user }}\n';
    expect(fill({ content }).content).toBe(content.replace('{{ default_user }}', 'root'));
  });

  // Each would take minutes if every tag that is left open were looked for to the end.
  it.each([
    ['tags without an end', '{%'.repeat(200_000)],
    ['lines of tags', '{% a %}\n'.repeat(50_000)],
    ['spaces', ' '.repeat(500_000)],
  ])('is filled into a long text of %s in one pass', (_, text) => {
    const content = `## template: jinja\n#!/bin/sh\n${text}\n{{ default_user }}`;
    expect(fill({ content }).content).toBe(content.replace('{{ default_user }}', 'root'));
  });

  it('is escaped in a script too', () => {
    const content = '## template: jinja\n#!/bin/sh\necho {{ default_user }} {{ ds.a }}\n';
    expect(fill({ content }, { default_user: '{{ds}}' }).content).toBe(
      "## template: jinja\n#!/bin/sh\necho {{ '{' }}{{ '{' }}ds}} {{ ds.a }}\n",
    );
  });
});

describe('what is no YAML', () => {
  it.each([
    ['a list of hosts', '127.0.0.1 localhost {{ x }}\n'],
    ['an INI file', '[main]\nuser = {{ x }}\n'],
    ['shell variables', 'A={{ x }}\nB=c\n'],
    ['text alone', '{{ x }}\n'],
    ['a server block', 'server {\n  name {{ x }};\n}\n'],
    ['a network file', 'auto lo\niface lo inet loopback\n# {{ x }}\n'],
  ])('%s has the text as it stands', (_name, place) => {
    const content = place.replace('{{ x }}', '{{ default_user }}');
    const text = 'a: "b" # c';
    expect(fill({ content }, { default_user: text }).content).toBe(place.replace('{{ x }}', text));
  });
});
