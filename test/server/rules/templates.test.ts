import { v5 as uuidv5 } from 'uuid';
import { describe, expect, it, vi } from 'vitest';
import { checkin, imageTemplate, startServer } from '../harness.ts';
import { action, writefile } from './template-with.ts';
import { readTemplate } from '../stock/documents.ts';

const yaml = `
# As people write it.
apiVersion: dragonfly.computer/v1
kind: Template
metadata:
  name: everything
  labels: { os: debian }
spec:
  version: "1"
  timeout: 9800
  actions:
    - action: partition
      disk: auto
      layout: gpt-efi
      efi_size: 512M
    - action: image2disk
      url: "{{ server }}/images/debian-12.raw.zst"
      disk: auto
      checksum: sha256:abc
      timeout: 1800
    - action: writefile
      path: /etc/cloud/cloud.cfg.d/99.cfg
      partition: 1
      fs_type: ext4
      mode: "0644"
      uid: 0
      content: |
        instance-id: {{ instance_id }}
        name: {{friendly_name}}
        user: {{ default_user }}
        jinja: {{ ds.meta_data }}
    - { action: kexec, partition: 1, cmdline: "root=/dev/sda1 ro" }
    - { action: efibootmgr, set_pxe_first: true }
    - { action: seabios, boot_order: "disk,net" }
    - { action: chroot, disk: /dev/sda, partition: 1, teardown: true }
    - { action: jetpack, url: "http://{{ server }}/play.tar.gz" }
    - { action: debootstrap, suite: bookworm, extra_packages: [curl, vim] }
    - { action: reboot, delay: 5 }
`;
const asYaml = { 'content-type': 'application/yaml' };

describe('a template', () => {
  it('written as YAML is kept as it is and given back as JSON', async () => {
    const server = await startServer();
    const put = await server.call('PUT', '/api/templates/everything', {
      body: yaml,
      headers: asYaml,
    });
    expect(put.status).toBe(201);
    const { body } = await server.call('GET', '/api/templates/everything');
    expect(body).toEqual(put.body);
    expect(() => readTemplate(body, '$')).not.toThrow();
    expect(body.spec.actions.map((a: { action: string }) => a.action)).toEqual(
      'partition image2disk writefile kexec efibootmgr seabios chroot jetpack debootstrap reboot'.split(
        ' ',
      ),
    );
  });

  it('that could not be filled in is refused, with the limit that it is beyond', async () => {
    const server = await startServer();
    const content = `${'['.repeat(80)}{{ hostname }}${']'.repeat(80)}`;
    const answer = await server.call('PUT', '/api/templates/deep', {
      body: {
        apiVersion: 'dragonfly.computer/v1',
        kind: 'Template',
        metadata: { name: 'deep' },
        spec: { actions: [{ action: 'writefile', path: '/a.json', content }] },
      },
    });
    expect([answer.status, answer.body.code]).toEqual([422, 'request.invalid']);
    expect(answer.body.error).toContain('/a.json is nested deeper than 64 levels');
  });

  it('has its variables filled for a machine, and leaves braces of others alone', async () => {
    const server = await startServer({ publicUrl: 'https://boot.example.org' });
    await server.call('PUT', '/api/templates/everything', { body: yaml, headers: asYaml });
    await server.call('PUT', '/api/settings/template.default_user', { body: { value: 'ada' } });
    const machine = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const { body } = await server.call(
      'GET',
      `/api/templates/everything?machine_id=${machine.body.machine_id}`,
    );
    expect(body.spec.actions[1].url).toBe('https://boot.example.org/images/debian-12.raw.zst');
    expect(body.spec.actions[7].url).toBe('https://boot.example.org/play.tar.gz');
    expect(body.spec.actions[2].content.split('\n')).toEqual([
      `instance-id: ${uuidv5(checkin(1).mac, uuidv5.DNS)}`,
      `name: ${machine.body.memorable_name}`,
      'user: ada',
      'jinja: {{ ds.meta_data }}',
      '',
    ]);
  });

  const metadata = (fields: object) => ({ ...imageTemplate, metadata: { name: 't', ...fields } });
  it.each([
    ['no action', { ...imageTemplate, spec: { actions: [] } }, 'spec.actions'],
    ['an image without a URL', action({ action: 'image2disk' }), 'spec.actions[2].url'],
    [
      'a file without content',
      action({ action: 'writefile', path: '/a' }),
      'spec.actions[2].content',
    ],
    ['an unknown action', action({ action: 'format' }), 'spec.actions[2].action'],
    ['no tag', action({ url: 'x' }), 'spec.actions[2].action'],
    ['a wrong type', action({ action: 'reboot', delay: '5' }), 'spec.actions[2].delay'],
    ['an unknown layout', action({ action: 'partition', layout: 'mbr' }), 'spec.actions[2].layout'],
    ['an unknown field', { ...imageTemplate, extra: 1 }, 'extra'],
    ['another kind', { ...imageTemplate, kind: 'Workflow' }, 'kind'],
    ['another name than its URL', imageTemplate, 'metadata.name'],
    [
      'a partition that is no u8',
      action({ action: 'chroot', partition: 256 }),
      'spec.actions[2].partition',
    ],
    ['a uid that is no u32', writefile({ uid: 2 ** 32 }), 'spec.actions[2].uid'],
    ['a uid as text', writefile({ uid: 'x' }), 'spec.actions[2].uid'],
    ['a gid below zero', writefile({ gid: -1 }), 'spec.actions[2].gid'],
    ['a mode that may be octal or not', writefile({ mode: 420 }), 'spec.actions[2].mode'],
    [
      'a delay that is no u64',
      action({ action: 'reboot', delay: 2 ** 64 }),
      'spec.actions[2].delay',
    ],
    ['a fraction of a second', action({ action: 'reboot', delay: 1.5 }), 'spec.actions[2].delay'],
    ['a mode that is not an octal number', writefile({ mode: '0689' }), 'spec.actions[2].mode'],
    ['a mode in words', writefile({ mode: 'rw-r--r--' }), 'spec.actions[2].mode'],
    ['a mode above 7777', writefile({ mode: '17777' }), 'spec.actions[2].mode'],
    ['no text for a mode', writefile({ mode: '' }), 'spec.actions[2].mode'],
    [
      'a partition below zero',
      action({ action: 'kexec', root_partition: -1 }),
      'spec.actions[2].root_partition',
    ],
    [
      'half a partition',
      action({ action: 'kexec', root_partition: 1.5 }),
      'spec.actions[2].root_partition',
    ],
    [
      'a label that no command line can have',
      action({ action: 'kexec', root_partition: 'LABEL=my root' }),
      'spec.actions[2].root_partition',
    ],
    ['half a MiB', action({ action: 'partition', efi_size: 1.5 }), 'spec.actions[2].efi_size'],
    [
      'a size in words',
      action({ action: 'partition', swap_size: 'half' }),
      'spec.actions[2].swap_size',
    ],
    ['a uid of its own that is no UUID', metadata({ uid: 'x' }), 'metadata.uid'],
    ['a time that is none', metadata({ creationTimestamp: 'foo' }), 'metadata.creationTimestamp'],
  ])('with %s is refused with the path of the fault', async (_name, body, path) => {
    const server = await startServer();
    const answer = await server.call('PUT', '/api/templates/t', { body });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'request.invalid', path });
    expect((await server.call('GET', '/api/templates')).body.templates).toEqual([]);
  });

  it.each([
    ['verify: yes', 'verify must be one of full, sampled, none'],
    ['timeout: "60"', 'timeout must be a whole number'],
    ['disk: [a]', 'disk must be text'],
    ['root_device: { wwn: 0x5000c500a1b2c3d4 }', 'wwn is a number, too long to be kept'],
    ['root_device: { serial: 1e400 }', 'serial is a number, too long to be kept'],
    ['disk: auto\n---\na: b', 'several YAML documents'],
  ])('says how to write what is wrong: %s', async (line, message) => {
    const server = await startServer();
    const actions = `  actions:\n    - action: image2disk\n      url: http://x/y\n      ${line}\n`;
    const body = `apiVersion: dragonfly.computer/v1\nkind: Template\nmetadata: { name: t }\nspec:\n${actions}`;
    const answer = await server.call('PUT', '/api/templates/t', { body, headers: asYaml });
    expect(answer.body.error).toContain(message);
  });

  it.each([
    'root_partition: .inf',
    'root_partition: -.INF',
    'timeout: .nan',
    'partition: .inf',
    'kernel: .inf',
  ])('with %s in YAML is refused: it is not left out', async (field) => {
    const server = await startServer();
    const body = `
apiVersion: dragonfly.computer/v1
kind: Template
metadata: { name: t }
spec: { actions: [ { action: kexec, ${field} } ] }`;
    const answer = await server.call('PUT', '/api/templates/t', { body, headers: asYaml });
    const path = `spec.actions[0].${field.split(':')[0]}`;
    expect([answer.status, answer.body.path]).toEqual([422, path]);
  });

  it('with a tag that nobody knows has it ignored, and nothing of it in the log', async () => {
    const warned = vi.spyOn(process, 'emitWarning');
    const server = await startServer();
    const body = `
apiVersion: dragonfly.computer/v1
kind: Template
metadata: { name: t, creationTimestamp: "2026-01-02t03:04:05.1z" }
spec: { actions: [ { action: kexec, cmdline: !vault secret } ] }`;
    const answer = await server.call('PUT', '/api/templates/t', { body, headers: asYaml });
    expect(answer.body).toMatchObject({
      // As Dragonfly's types read times.
      metadata: { creationTimestamp: '2026-01-02T03:04:05.1Z' },
      spec: { actions: [{ cmdline: 'secret' }] },
    });
    expect(warned).not.toHaveBeenCalled();
  });

  it.each([
    { action: 'writefile', path: '/a', content: '', mode: '7777' },
    { action: 'writefile', path: '/a', content: '', mode: '0o644' },
    { action: 'writefile', path: '/a', content: '', mode: '{{ x }}' },
    { action: 'kexec', root_partition: 'PARTUUID=4c4c' },
    { action: 'kexec', root_partition: '/dev/sda2' },
    { action: 'partition', efi_size: '1GiB', swap_size: '+8 G' },
  ])('may hold %j', async (fields) => {
    const server = await startServer();
    const answer = await server.call('PUT', '/api/templates/t', { body: action(fields) });
    expect([answer.status, answer.body.error]).toEqual([201, undefined]);
  });

  it('is replaced only by who knows it as it is', async () => {
    const server = await startServer();
    const put = (etag?: string) =>
      server.call('PUT', '/api/templates/debian', {
        body: imageTemplate,
        headers: etag === undefined ? {} : { 'if-match': etag },
      });
    expect((await put('*')).status).toBe(412);
    const created = await put();
    expect(created.status).toBe(201);
    expect((await put('"other"')).status).toBe(412);
    expect((await put(created.headers.get('etag') ?? '')).status).toBe(200);
    const gone = await server.call('DELETE', '/api/templates/debian', {
      headers: { 'if-match': '"other"' },
    });
    expect(gone.status).toBe(412);
    expect((await server.call('DELETE', '/api/templates/debian')).status).toBe(204);
  });

  it('is deleted only while no machine has it, where that is asked for', async () => {
    const server = await startServer();
    await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const path = `/api/machines/${body.machine_id}`;
    await server.call('PATCH', path, { body: { os_choice: 'debian', hostname: 'db-1' } });
    const refused = await server.call('DELETE', '/api/templates/debian?unused=true');
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'template.in-use', machine_ids: [body.machine_id] },
    });
    expect(refused.body.error).toContain('assigned to db-1:');
    expect((await server.call('DELETE', '/api/templates/debian')).status).toBe(204);
    expect((await server.call('GET', path)).body.config.os_choice).toBe('debian');
  });
});
