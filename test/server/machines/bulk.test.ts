import { expect, it } from 'vitest';
import { checkin, imageTemplate, rebootTemplate, startServer } from '../harness.ts';

/** A server with three machines, of which the first has a workflow. */
async function prepared() {
  const server = await startServer();
  await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
  const ids: string[] = [];
  for (const n of [1, 2, 3]) {
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n) });
    ids.push(body.machine_id);
  }
  await server.call('POST', '/api/workflows', {
    body: { machine_id: ids[0], template: 'restart' },
  });
  const bulk = (change: object) =>
    server.call('POST', '/api/machines/bulk', { body: { ids, ...change } });
  return { server, ids, bulk };
}

it.each([
  [{ add_tags: ['a'] }, 3, 'tagged a'],
  [{ os_choice: 'restart' }, 3, 'template none → restart'],
  [{ offline: true }, 2, 'offline'],
  [{ workflow: { template: 'restart' } }, 2, 'runs reboot'],
  [{ cancel: true }, 1, 'workflow cancelled'],
  [{ delete: true }, 2, 'forgotten'],
])(
  'a dry run of %j says what would become of each, and changes nothing',
  async (change, count, does) => {
    const { server, ids, bulk } = await prepared();
    const state = async () =>
      Promise.all(
        ids.map(async (id) => (await server.call('GET', `/api/machines/${id}`)).body.config),
      );
    const before = await state();
    const { body } = await bulk({ ...change, dry_run: true });
    expect(body.changed).toBe(count);
    expect(body.failed).toHaveLength(3 - count);
    const last = body.outlook.at(-1);
    expect(last.does).toContain(does);
    expect(await state()).toEqual(before);
    expect((await server.store.workflows.list()).items).toHaveLength(1);
    const done = await bulk(change);
    expect([done.body.changed, done.body.outlook]).toEqual([count, undefined]);
  },
);

it.each(['workflow.finished', 'workflow.unknown'])(
  'a dry run refuses to cancel as cancelling does: %s',
  async (code) => {
    const { server, ids, bulk } = await prepared();
    const [workflow] = (await server.call('GET', '/api/workflows')).body.workflows;
    const { store } = server;
    if (code === 'workflow.unknown') await store.workflows.delete(workflow.metadata.name);
    else await store.workflows.put({ ...workflow, status: { state: 'STATE_SUCCESS' } });
    for (const dry_run of [true, false]) {
      const { body } = await bulk({ ids: ids.slice(0, 1), cancel: true, dry_run });
      expect([body.changed, body.failed[0]?.failure.code]).toEqual([0, code]);
    }
  },
);

it('cancelling and deleting go with no other change', async () => {
  const { bulk } = await prepared();
  for (const change of [
    { cancel: true, add_tags: ['a'] },
    { delete: true, cancel: true },
  ]) {
    const { status, body } = await bulk(change);
    expect([status, body.code]).toEqual([422, 'request.invalid']);
  }
});

it('starts the workflows whose plans are as they were shown, and refuses the others by name', async () => {
  const { server, ids, bulk } = await prepared();
  await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
  const told = async (n: number, serial: string) =>
    server.call('POST', '/api/agent/checkin', {
      body: checkin(n, {
        boot_id: 'a',
        disks: [
          { name: 'sda', size_bytes: 5e11, serial, contents: [] },
          // Stays in the machine, which is known by it.
          { name: 'sdb', size_bytes: 9e11, serial: `L${n}`, contents: [] },
        ],
        existing_os: null,
      }),
    });
  for (const n of [1, 2, 3]) await told(n, `S${n}`);
  const workflow = { template: 'debian' };
  const { body: shown } = await bulk({ workflow, dry_run: true });
  const plan_digests = Object.fromEntries(
    shown.outlook.map((one: Record<string, string>) => [
      one['machine_id']?.toUpperCase(),
      one['plan_digest'],
    ]),
  );
  await told(3, 'S9');
  const { body } = await bulk({ workflow, plan_digests, add_tags: ['new'] });
  expect(body.changed).toBe(1);
  const refused = Object.fromEntries(
    body.failed.map((one: { machine_id: string; failure: { error: string; code: string } }) => [
      one.machine_id,
      [one.failure.code, one.failure.error],
    ]),
  );
  expect(refused).toEqual({
    [ids[0] ?? '']: ['workflow.active', expect.stringContaining('cancel it first')],
    [ids[2] ?? '']: ['plan.changed', expect.stringContaining('the disk (now /dev/sda S9)')],
  });
  const queued = async (id = '') =>
    (await server.store.workflows.listBy('machine', id)).items.map((w) => w.value.spec.templateRef);
  expect([await queued(ids[1]), await queued(ids[2])]).toEqual([['debian'], []]);
  const { body: unseen } = await bulk({ ids: ids.slice(2), workflow, plan_digests: {} });
  expect(unseen.failed[0].failure).toMatchObject({
    code: 'plan.changed',
    error: expect.stringContaining('no plan of this machine'),
  });
  // Nothing at all became of those that were refused.
  const tagged = (await server.store.machines.listBy('tag', 'new')).items;
  expect(tagged.map(({ value }) => value.id)).toEqual([ids[1]]);
});
