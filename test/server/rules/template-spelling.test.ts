// Templates in the spelling of Dragonfly's types, whichever way they were written.
import { describe, expect, it } from 'vitest';
import type { Template } from '../../../src/model/documents/template.ts';
import { checkin, startServer } from '../harness.ts';
import { action, writefile } from './template-with.ts';
import { readTemplate } from '../stock/documents.ts';

const asYaml = { 'content-type': 'application/yaml' };

describe('a template', () => {
  it('is kept and served as Dragonfly spells it, whichever way it was written', async () => {
    const server = await startServer();
    const body = `
apiVersion: dragonfly.computer/v1
kind: Template
metadata: { name: t, uid: 4c4c4544-0051-3510-8052-b4c04f4a3132, creationTimestamp: null, namespace: ~ }
spec:
  timeout: 18446744073709551615
  bootEnv: null
  actions:
    - { action: partition, efi_size: 512, swap_size: 1024M, timeout: null }
    - { action: kexec, root_partition: 2, partition: 255 }
    - { action: kexec, root_partition: LABEL=root }
    - { action: seabios, boot_order: [pxe, hdd] }
    - { action: debootstrap, suite: trixie, extra_packages: [curl, vim] }
    - { action: writefile, path: /a, content: "", mode: "0644", uid: 4294967295 }`;
    const put = await server.call('PUT', '/api/templates/t', { body, headers: asYaml });
    expect(put.status).toBe(201);
    const answer = await fetch(`${server.url}/api/templates/t`);
    const text = await answer.text();
    expect(text).toContain('"timeout":18446744073709551615');
    expect(JSON.parse(text)).toMatchObject({
      metadata: { name: 't', uid: '4c4c4544-0051-3510-8052-b4c04f4a3132' },
      spec: {
        actions: [
          { action: 'partition', efi_size: '512', swap_size: '1024M' },
          { action: 'kexec', root_partition: '2', partition: 255 },
          { action: 'kexec', root_partition: 'LABEL=root' },
          { action: 'seabios', boot_order: 'pxe,hdd' },
          { action: 'debootstrap', suite: 'trixie', extra_packages: 'curl,vim' },
          { action: 'writefile', mode: '0644', uid: 4_294_967_295 },
        ],
      },
    });
    expect(text).not.toContain('null');
    expect(() =>
      readTemplate(JSON.parse(text.replace(/"timeout":\d{20}/, '"timeout":1')), '$'),
    ).not.toThrow();
  });

  it('says how a mode is written', async () => {
    const server = await startServer();
    const { body } = await server.call('PUT', '/api/templates/t', {
      body: writefile({ mode: 420 }),
    });
    expect(body.error).toContain('write it as text, "0644"');
  });

  it('of version 0.1.0 that no agent can read says so, starts no workflow, and is mended by a PUT', async () => {
    const server = await startServer();
    const old = writefile({ mode: 420, uid: 2 ** 33 });
    // Version 0.1.0 took and stored it so.
    await server.store.templates.put(old as unknown as Template);
    await server.store.templates.put(
      action({
        action: 'seabios',
        boot_order: ['pxe', 'hdd'],
        timeout: null,
      }) as unknown as Template,
    );
    await server.store.templates.put({ ...old, metadata: { name: 'old' } } as unknown as Template);
    const { body } = await server.call('GET', '/api/templates');
    const [faulty, fine] = body.templates;
    expect(faulty).toMatchObject({
      metadata: { name: 'old' },
      fault: expect.stringContaining('spec.actions[2].mode'),
    });
    expect(fine).not.toHaveProperty('fault');
    expect(fine.spec.actions[2]).toEqual({ action: 'seabios', boot_order: 'pxe,hdd' });
    const machine = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const workflow = { machine_id: machine.body.machine_id, template: 'old' };
    const refused = await server.call('POST', '/api/workflows', { body: workflow });
    expect([refused.status, refused.body.code]).toEqual([409, 'template.invalid']);
    const { actions } = faulty.spec;
    const mended = [...actions.slice(0, 2), { ...actions[2], mode: '0644', uid: 0 }];
    const put = await server.call('PUT', '/api/templates/old', {
      body: { ...faulty, spec: { actions: mended } },
    });
    expect(put.status).toBe(200);
    expect(put.body).not.toHaveProperty('fault');
    expect((await server.call('POST', '/api/workflows', { body: workflow })).status).toBe(201);
  });
});
