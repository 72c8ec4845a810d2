import fc from 'fast-check';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { Template } from '../../../../src/model/documents/template.ts';
import { fillFault, fillTemplate } from '../../../../src/server/rules/fill/fill.ts';
import {
  machineVariables,
  type FleetSettings,
} from '../../../../src/server/rules/fill/variables.ts';
import { newMachine } from '../machine.ts';

const ca = '-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n';
const keys = ['ssh-ed25519 AAAAC3Nz+a/b= ada@host', 'ssh-rsa AAAAB3 "grace"'];

function fill(fields: object, settings: FleetSettings = {}, random = Math.random) {
  const action = { action: 'writefile' as const, path: '/a', ...fields };
  const template: Template = {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Template',
    metadata: { name: 't' },
    spec: { actions: [action] },
  };
  const variables = machineVariables(newMachine(), settings, {
    server: { url: 'https://boot.example.org', ca },
    phoneHomeUrl: 'https://boot.example.org/report?token=t',
    random,
  });
  const [filled] = fillTemplate(template, variables).spec.actions;
  return { ...action, content: '', ...filled };
}

/** The content as cloud-init reads it. */
function read(content: string, settings: FleetSettings = {}): unknown {
  return parse(fill({ content }, settings).content);
}

describe('the certificate of the server', () => {
  it('is whole as a value of cloud-init, as an item of a list and as a file', () => {
    expect(read('ca: {{ server_ca }}')).toEqual({ ca });
    expect(read('ca_certs:\n  trusted:\n    - {{ server_ca }}')).toEqual({
      ca_certs: { trusted: [ca] },
    });
    expect(read('write_files:\n  - content: |-\n      {{ server_ca }}')).toEqual({
      write_files: [{ content: ca }],
    });
    expect(fill({ content: '{{ server_ca }}' }).content).toBe(ca);
  });
});

describe('default_password that is not set', () => {
  it.each([
    ['bare', 'passwd: {{ default_password }}'],
    ['in double quotes', 'passwd: "{{ default_password }}"'],
    ['in single quotes', "passwd: '{{ default_password }}'"],
    ['bare, with a comment', 'passwd: {{ default_password }} # none'],
    ['bare in a flow', '{ lock_passwd: false, passwd: {{ default_password }} }'],
    ['after an item', 'users:\n  - passwd: {{ default_password }}'],
  ])('is a text that locks or nobody guesses, %s', (_place, content) => {
    const text = JSON.stringify(read(content));
    expect(text).toMatch(/"passwd":"![A-Za-z0-9]{32}"/);
  });

  it('is another one at each rendering, and the same within one', () => {
    const content = 'a: {{ default_password }}\nb: {{ default_password }}';
    const [first, second] = [read(content), read(content)];
    expect(first).toEqual({ a: Object(first).b, b: Object(first).a });
    expect(second).not.toEqual(first);
  });

  it('stands as it is in the text that chpasswd reads', () => {
    expect(fill({ content: 'root:{{ default_password }}' }).content).toMatch(
      /^root:![A-Za-z0-9]{32}$/,
    );
  });
});

describe('ssh_pwauth', () => {
  it.each([
    ['false without a password', {}, false],
    ['true with one', { default_password: 'x' }, true],
    ['what it is set to', { default_password: 'x', ssh_pwauth: 'false' }, false],
  ])('is %s', (_name, settings, expected) => {
    expect(read('ssh_pwauth: {{ ssh_pwauth }}', settings)).toEqual({ ssh_pwauth: expected });
  });
});

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

describe('a value', () => {
  const hard = 'a"b\\c\'d: #e {{ x }}';

  it.each([
    ['bare', 'v: {{ default_user }}'],
    ['in double quotes', 'v: "{{ default_user }}"'],
    ['in single quotes', "v: '{{ default_user }}'"],
    ['in JSON', '{"v":"{{ default_user }}"}'],
    ['after a quoted key', '"v": "{{ default_user }}"'],
    ['after an apostrophe', "w: it's\nv: '{{ default_user }}'"],
  ])('that has quotes and backslashes is read as it was set, %s', (_place, content) => {
    expect(read(content, { default_user: hard })).toMatchObject({ v: hard });
  });

  it.each(['yes', 'null', '1e3', '~', '', '!x', '- a', '0644'])(
    '%j, bare, stays a text',
    (text) => {
      expect(read('v: {{ default_user }}', { default_user: text })).toEqual({ v: text });
    },
  );

  it.each([
    ['a script', '#!/bin/sh\necho "{{ default_user }}"', `#!/bin/sh\necho "${hard}"`],
    ['the middle of a text', 'user={{ default_user }};', `user=${hard};`],
  ])('in %s stands as it is', (_place, content, expected) => {
    expect(fill({ content }, { default_user: hard }).content).toBe(expected);
  });

  it('is filled into every text field, and unknown names stay', () => {
    const fields = {
      path: '/etc/{{ friendly_name }}',
      fs_type: '{{ default_user }}',
      newer_field: 'http://{{ server }}/{{ other }}',
      partition: 1,
    };
    expect(fill(fields)).toMatchObject({
      path: `/etc/${newMachine().config.memorable_name}`,
      fs_type: 'root',
      newer_field: 'https://boot.example.org/{{ other }}',
      partition: 1,
    });
  });
});

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

/** Texts of every kind, among them all that YAML reads as something else. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
  fc.string({ unit: fc.constantFrom(...Array.from(' \t\n\r:#-\'"\\,[]{}&*!|>%@?`a0=~')) }),
  fc.constantFrom(
    'yes',
    'null',
    '~',
    '',
    '0644',
    '12:30:45',
    '2026-01-01',
    '1e3',
    '.inf',
    '=',
    '<<',
  ),
  fc.constantFrom('\u0085', '\u2028', '\u007f', '\ufeff', '\ue000', '{{ x }}', '---', '...', '# x'),
  fc.constantFrom('a\u0085runcmd: []', '\u2028- a', 'a\u2029b: c'),
  fc.constantFrom('a\nb', ' a', 'a ', '\n', 'a\n\nb\n', '- a\n- b', 'a: b', '*a', '&a', '!a', '%a'),
);

/** A document with a text in the place of another, keys included. */
function withText(value: unknown, from: string, to: string): unknown {
  if (typeof value === 'string') return value.replaceAll(from, () => to);
  if (Array.isArray(value)) return value.map((item) => withText(item, from, to));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replaceAll(from, () => to),
      withText(item, from, to),
    ]),
  );
}

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

describe('hostname', () => {
  const nameIn = (hostname: string): string => {
    const machine = newMachine();
    const named = { ...machine, config: { ...machine.config, hostname } };
    const server = { url: '', ca: '' };
    const variables = machineVariables(
      named,
      {},
      { server, phoneHomeUrl: '', random: Math.random },
    );
    return variables.get('hostname')?.text ?? '';
  };

  it.each(['node-1', 'node_1.example.org', '7'])('is %s where the machine says so', (hostname) => {
    expect(nameIn(hostname)).toBe(hostname);
  });

  it.each(['', '$(reboot)', 'a\nruncmd: [x]', 'a b', '../x', 'a;b', 'localhost', '(none)', 'ä'])(
    'is the memorable name where the machine calls itself %j',
    (hostname) => {
      expect(nameIn(hostname)).toBe(newMachine().config.memorable_name);
    },
  );
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

it("Dragonfly's user-data reads as cloud-init needs it, without a setting", () => {
  const content = `#cloud-config
users:
  - name: "{{ default_user }}"
    lock_passwd: false
    ssh_authorized_keys: {{ ssh_authorized_keys }}
    ssh_import_id: {{ ssh_import_id }}
chpasswd:
  users:
    - name: "{{ default_user }}"
      password: "{{ default_password }}"
ssh_pwauth: {{ ssh_pwauth }}
`;
  expect(read(content)).toEqual({
    users: [{ name: 'root', lock_passwd: false, ssh_authorized_keys: [], ssh_import_id: [] }],
    chpasswd: { users: [{ name: 'root', password: expect.stringMatching(/^![A-Za-z0-9]{32}$/) }] },
    ssh_pwauth: false,
  });
});
