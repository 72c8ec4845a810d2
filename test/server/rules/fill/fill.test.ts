import { describe, expect, it } from 'vitest';
import { machineVariables } from '../../../../src/server/rules/fill/variables.ts';
import { newMachine } from '../machine.ts';
import { ca, fill, read } from './filling.ts';

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
