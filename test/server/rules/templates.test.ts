import { v5 as uuidv5 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { checkin, imageTemplate, startServer } from '../harness.ts';

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
    expect(body.spec.actions.map((a: { action: string }) => a.action)).toEqual(
      'partition image2disk writefile kexec efibootmgr seabios chroot jetpack debootstrap reboot'.split(
        ' ',
      ),
    );
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

  const action = (fields: object) => ({
    ...imageTemplate,
    metadata: { name: 't' },
    spec: { actions: [{ action: 'reboot' }, { action: 'reboot' }, fields] },
  });
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
  ])('with %s is refused with the path of the fault', async (_name, body, path) => {
    const server = await startServer();
    const answer = await server.call('PUT', '/api/templates/t', { body });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'request.invalid', path });
    expect((await server.call('GET', '/api/templates')).body.templates).toEqual([]);
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
});
