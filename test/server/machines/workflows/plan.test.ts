// The plan of a workflow over HTTP: shown before, kept with the workflow, and what agents get of it.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import { checkin, imageTemplate, startServer, type TestServer } from '../../harness.ts';

const small = {
  name: 'sda',
  size_bytes: 240_057_409_536,
  model: 'SSD',
  serial: 'S1',
  contents: [],
};
const large = {
  name: 'sdb',
  size_bytes: 960_197_124_096,
  model: 'HDD',
  serial: 'S2',
  contents: [],
};
const debian = { name: 'Debian 12', device: '/dev/sdb2' };

async function machineWith(
  server: TestServer,
  more: Record<string, unknown> = {},
): Promise<string> {
  await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
  const { body } = await server.call('POST', '/api/agent/checkin', {
    body: checkin(1, {
      boot_id: 'a',
      agent_version: '0.2.0',
      disks: [small, large],
      existing_os: null,
      ...more,
    }),
  });
  return body.machine_id;
}

const order = (server: TestServer, machine_id: string, more: Record<string, unknown> = {}) =>
  server.call('POST', '/api/workflows', { body: { machine_id, template: 'debian', ...more } });
const templateFor = async (server: TestServer, id: string) =>
  server.call('GET', `/api/templates/debian?machine_id=${id}`);

describe('a plan', () => {
  it('is shown on request, and nothing is queued', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const { status, body } = await order(server, id, { dry_run: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      disk: { device: '/dev/sda', serial: 'S1', size_bytes: small.size_bytes },
      overwrites: true,
      lost: [],
      left_alone: [{ device: '/dev/sdb' }],
      enforced: true,
    });
    expect(body.actions[0].does).toContain(`${server.url}/images/debian.raw to /dev/sda`);
    expect((await server.call('GET', '/api/workflows')).body.workflows).toEqual([]);
    const { body: machine } = await server.call('GET', `/api/machines/${id}`);
    expect(machine.status.current_workflow).toBeNull();
  });

  it('is made of a template that is not stored, or says why there is none', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const attempt = (body: unknown, query = `?machine_id=${id}`) =>
      server.call('POST', `/api/templates/debian/try${query}`, { body });
    const draft = { ...imageTemplate, spec: { ...imageTemplate.spec, timeout: 5 } };
    const { status, body } = await attempt(draft);
    expect([status, body.plan.disk.device, body.refusal]).toEqual([200, '/dev/sda', undefined]);
    expect(body.template.spec.timeout).toBe(5);
    expect(body.template.spec.actions[0].url).toBe(`${server.url}/images/debian.raw`);
    expect((await attempt(draft, '')).body).toEqual({ template: draft });
    const { body: kept } = await server.call('GET', '/api/templates/debian');
    expect(kept.spec.timeout).toBe(600);

    const [write, ...others] = imageTemplate.spec.actions;
    const actions = [{ ...write, root_device: { serial: 'none' }, disk: undefined }, ...others];
    const refused = await attempt({ ...imageTemplate, spec: { actions } });
    expect([refused.status, refused.body.refusal.code]).toEqual([200, 'plan.no-disk']);
    expect(refused.body.plan).toBeUndefined();
    const wrong = await attempt({ ...imageTemplate, spec: { actions: [{ action: 'nothing' }] } });
    expect([wrong.status, wrong.body.path]).toEqual([422, 'spec.actions[0].action']);
    const other = { ...imageTemplate, metadata: { name: 'other' } };
    expect((await attempt(other)).body.path).toBe('metadata.name');
  });

  it('is kept with the workflow, and the template as it was', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const { body: shown } = await order(server, id, { dry_run: true });
    const { body: made } = await order(server, id);
    const { plan_digest: _digest, ...plan } = shown;
    expect(made.spec.plan).toEqual(plan);
    const changed = { ...imageTemplate, spec: { actions: [{ action: 'reboot' }] } };
    await server.call('PUT', '/api/templates/debian', { body: changed });
    expect((await templateFor(server, id)).body.spec.actions).toHaveLength(3);
    await server.call('DELETE', '/api/templates/debian');
    expect((await templateFor(server, id)).body.spec.actions).toHaveLength(3);
    await server.call('POST', `/api/workflows/${made.metadata.name}/cancel`);
    expect((await templateFor(server, id)).status).toBe(404);
  });

  it('names the disk to an agent that knows no plan, once an operator confirmed that', async () => {
    const server = await startServer();
    const id = await machineWith(server, { boot_id: null });
    const refused = await order(server, id);
    expect([refused.status, refused.body.code]).toEqual([409, 'plan.ambiguous']);
    const { body } = await order(server, id, { confirmed: true });
    expect(body.spec.plan.enforced).toBe(false);
    expect((await templateFor(server, id)).body.spec.actions[0].disk).toBe('/dev/sda');
  });

  it('is not carried out by an agent that knows no plan, where one that does was planned for', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    await order(server, id);
    const disks = [small, large].map(({ serial: _serial, contents: _contents, ...told }) => told);
    const { body } = await server.call('POST', '/api/agent/checkin', {
      body: checkin(1, { disks }),
    });
    expect(body).toMatchObject({ machine_id: id, action: 'wait' });
  });

  it.each([
    [1, 'execute'],
    [2, 'wait'],
  ])(
    'made before the machine first booted is carried out by such an agent on its %d disks: %s',
    async (count, action) => {
      const server = await startServer();
      await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
      const made = await server.call('POST', '/api/machines', { body: { mac: checkin(1).mac } });
      const { id } = made.body;
      const { body: workflow } = await order(server, id);
      expect(workflow.spec.plan).toMatchObject({ disk: null, enforced: false });
      const disks = [small, large]
        .slice(0, count)
        .map(({ serial: _serial, contents: _contents, ...told }) => told);
      const { body } = await server.call('POST', '/api/agent/checkin', {
        body: checkin(1, { disks, existing_os: null }),
      });
      expect(body).toMatchObject({ machine_id: id, action });
      const { status } = (await server.call('GET', `/api/workflows/${workflow.metadata.name}`))
        .body;
      expect(status.error ?? '').toContain(count === 1 ? '' : 'has several disks');
    },
  );

  it('names the disk to such an agent as the kernel calls it now, and ends when it is gone', async () => {
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const server = await startServer({ clock });
    const id = await machineWith(server, { boot_id: null });
    await order(server, id, { confirmed: true });
    const swapped = [
      { ...small, name: 'sdb' },
      { ...large, name: 'sda' },
    ];
    const again = async (disks: object[]) => {
      // Sooner it would be another machine with that MAC.
      await clock.advance(600_000);
      return server.call('POST', '/api/agent/checkin', { body: checkin(1, { disks }) });
    };
    expect((await again(swapped)).body.action).toBe('execute');
    expect((await templateFor(server, id)).body.spec.actions[0].disk).toBe('/dev/sdb');
    expect((await again([{ ...large, name: 'sda' }])).body.action).toBe('wait');
  });

  it('lets a workflow go on although a system turns up on a disk that it leaves alone', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    await order(server, id);
    const { body } = await server.call('POST', '/api/agent/checkin', {
      body: checkin(1, { boot_id: 'b', disks: [small, large], existing_os: debian }),
    });
    expect(body.action).toBe('execute');
  });

  it('ends a workflow when a system turns up on the disk that it would overwrite', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    await order(server, id);
    const { body } = await server.call('POST', '/api/agent/checkin', {
      body: checkin(1, {
        boot_id: 'b',
        disks: [small, large],
        existing_os: { ...debian, device: '/dev/sda1' },
      }),
    });
    expect(body.action).toBe('wait');
    const { body: machine } = await server.call('GET', `/api/machines/${id}`);
    expect(JSON.stringify(machine.status.state)).toContain('Debian 12 was found');
  });

  it('ends a workflow when data turns up on the disk that it would overwrite', async () => {
    const server = await startServer();
    const known = { device: '/dev/sda1', type: 'ext4', uuid: 'u1' };
    const found = { device: '/dev/sda2', type: 'crypto_LUKS' };
    const [first, ...others] = imageTemplate.spec.actions;
    const id = await machineWith(server, { disks: [{ ...small, contents: [known] }, large] });
    const actions = [{ ...first, root_device: { serial: 's== S1' } }, ...others];
    await server.call('PUT', '/api/templates/debian', {
      body: { ...imageTemplate, spec: { actions } },
    });
    await order(server, id);
    const checkIn = async (boot_id: string, contents: object[]) => {
      const disks = [
        { ...large, name: 'sda', contents: [found] },
        { ...small, name: 'sdb', contents },
      ];
      const more = { boot_id, agent_version: '0.2.0', disks, existing_os: null };
      return (await server.call('POST', '/api/agent/checkin', { body: checkin(1, more) })).body;
    };
    const renamed = { ...known, device: '/dev/sdb1' };
    expect((await checkIn('b', [renamed])).action).toBe('execute');
    expect((await checkIn('c', [renamed, { ...found, device: '/dev/sdb2' }])).action).toBe('wait');
    const { body: machine } = await server.call('GET', `/api/machines/${id}`);
    expect(JSON.stringify(machine.status.state)).toContain('crypto_LUKS on /dev/sdb2 was found');
  });

  it('overwrites the data of a disk that is named by its serial, and of no other unasked', async () => {
    const server = await startServer();
    const contents = [{ device: '/dev/sda1', type: 'zfs_member', label: 'tank' }];
    const id = await machineWith(server, { disks: [{ ...small, contents }] });
    const refused = await order(server, id);
    expect([refused.status, refused.body.code]).toEqual([409, 'plan.has-data']);
    expect(refused.body.error).toContain('zfs_member "tank" on /dev/sda1');
    const [first, ...others] = imageTemplate.spec.actions;
    const named = {
      ...imageTemplate,
      spec: { actions: [{ ...first, root_device: { serial: 's== S1' } }, ...others] },
    };
    await server.call('PUT', '/api/templates/debian', { body: named });
    const { status, body } = await order(server, id, { dry_run: true });
    expect([status, body.lost]).toEqual([200, ['zfs_member "tank" on /dev/sda1']]);
  });

  it('keeps the data that was seen on a disk, and believes only at once that it was blank', async () => {
    const server = await startServer();
    const contents = [{ device: '/dev/sda1', type: 'xfs' }];
    const id = await machineWith(server, { disks: [{ ...small, contents }, large] });
    const unseen = [small, large].map(({ contents: _contents, ...disk }) => disk);
    await machineWith(server, { boot_id: 'b', disks: unseen });
    const { body } = await server.call('GET', `/api/machines/${id}`);
    const disks: { contents?: unknown }[] = body.hardware.disks;
    expect(disks.map((disk) => disk.contents)).toEqual([contents, undefined]);
  });

  it('masks secrets, and so does a rendered template', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    await server.call('PUT', '/api/settings/template.default_password', {
      body: { value: 'open sesame' },
    });
    const [, write] = imageTemplate.spec.actions;
    const secret = {
      ...imageTemplate,
      spec: { actions: [{ ...write, content: '{{ default_password }}' }] },
    };
    await server.call('PUT', '/api/templates/debian', { body: secret });
    const plan = await order(server, id, { dry_run: true });
    const shown = await server.call('GET', `/api/templates/debian/render?machine_id=${id}`);
    expect(shown.body.spec.actions[0].content).toBe('********');
    const { body: made } = await order(server, id);
    expect(JSON.stringify([plan.body, shown.body, made])).not.toContain('open sesame');
    expect((await templateFor(server, id)).body.spec.actions[0].content).toBe('open sesame');
  });
});
