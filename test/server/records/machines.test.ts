// Records that Dragonfly wrote, restored here and changed in every way that there is: nothing differs but
// what was changed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backUp } from '../../../src/store/backup/backup.ts';
import { checkStore } from '../../../src/store/check.ts';
import { rebootTemplate, temporaryDirectory } from '../harness.ts';
import { full, ids, minimal, newer } from './documents.ts';
import { restored } from './restored.ts';

/** A stored text without what every change of the server renews, and what is the server's own. */
function comparable(text: string): string {
  return text
    .replace(/"updated_at":"[^"]*"/, '"updated_at":"…"')
    .replace(/"last_seen":(?:null|"[^"]*")/, '"last_seen":"…"')
    .replace(/,"report":\{.*\}\}$/s, '}');
}

describe('a record that Dragonfly wrote', () => {
  it.each([
    ['full', ids.full, full],
    ['minimal', ids.minimal, minimal],
    ['newer', ids.newer, newer('"Writing"')],
  ])('%s: is restored, backed up and served as it was', async (_name, id, document) => {
    const server = await restored(document);
    expect(await server.text(id)).toBe(document);
    const file = join(temporaryDirectory(), 'again');
    await backUp(server.kv, file);
    expect(readFileSync(file, 'utf8')).toContain(`"document":${document}}\n`);
    const answer = await fetch(`${server.url}/api/machines/${id}`);
    const served = await answer.text();
    for (const part of ['identity', 'hardware', 'metadata']) {
      const fields = new RegExp(`"${part}":\\{.*?\\},"(?:status|config|liveness)"`, 's');
      const [written] = fields.exec(document) ?? [
        document.slice(document.indexOf(`"${part}"`), -1),
      ];
      expect(served).toContain(written.replace(/,"(?:status|config|liveness)"$/, ''));
    }
    let findings = 0;
    await checkStore(server.kv, undefined, () => (findings += 1));
    expect(findings).toBe(0);
  });

  it('with sizes beyond 2^53 is changed by an operator, alone and in bulk, and keeps them', async () => {
    const server = await restored(full);
    const path = `/api/machines/${ids.full}`;
    expect((await server.call('PATCH', path, { body: { tags: ['rack-2'] } })).status).toBe(200);
    const expected = full.replace('"tags":["rack-1"]', '"tags":["rack-2"]');
    expect(comparable(await server.text(ids.full))).toBe(comparable(expected));
    const bulk = { ids: [ids.full], add_tags: ['spare'], offline: true };
    const { body } = await server.call('POST', '/api/machines/bulk', { body: bulk });
    expect(body).toEqual({ changed: 1, failed: [] });
    const after = expected
      .replace('["rack-2"]', '["rack-2","spare"]')
      .replace('{"Error":{"message":"no disk \\"sda\\""}}', '"Offline"');
    expect(comparable(await server.text(ids.full))).toBe(comparable(after));
  });

  it('with sizes beyond 2^53 runs a workflow, and keeps them', async () => {
    const server = await restored(full);
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    const created = await server.call('POST', '/api/workflows', {
      body: { machine_id: ids.full, template: 'restart' },
    });
    expect(created.status).toBe(201);
    const workflow = created.body.metadata.name;
    const event = (body: object) =>
      server.call('POST', `/api/workflows/${workflow}/events`, { body });
    await event({ type: 'started' });
    await event({ type: 'completed', success: true });
    const text = await server.text(ids.full);
    expect(text).toContain('"memory_bytes":18446744073709551615');
    expect(text).toContain('"state":"Provisioned"');
  });

  it('with sizes beyond 2^53 checks in, tells another one, and has that in its history', async () => {
    const server = await restored(full);
    const report =
      '{"mac":"02:00:00:00:00:01","memory_bytes":18446744073709551614,' +
      '"disks":[{"name":"nvme0n1","size_bytes":9007199254740993},{"name":"nvme1n1","size_bytes":18446744073709551615}]}';
    const { status, body } = await server.call('POST', '/api/agent/checkin', { body: report });
    expect([status, body.machine_id, body.is_new]).toEqual([200, ids.full, false]);
    const expected = full.replace(
      '"memory_bytes":18446744073709551615',
      '"memory_bytes":18446744073709551614',
    );
    expect(JSON.parse(comparable(await server.text(ids.full)))).toEqual(
      JSON.parse(comparable(expected)),
    );
    expect(await server.text(ids.full)).toContain('"memory_bytes":18446744073709551614');
    expect(await server.text(ids.full)).toContain('"size_bytes":9007199254740993');
    const { body: told } = await server.call('GET', `/api/machines/${ids.full}/history`);
    expect(told.history).toEqual([
      expect.objectContaining({
        what: 'memory_bytes',
        before: '18446744073709551615',
        after: '18446744073709551614',
      }),
    ]);
  });
});

describe('a state of a newer Dragonfly', () => {
  const failed = '{"Failed":{"message":"no image"}}';

  it.each([
    ['"ReadyToInstall"', 'Ready'],
    ['"Initializing"', 'Provisioning'],
    ['"Installing"', 'Provisioning'],
    ['"Writing"', 'Provisioning'],
    ['"Installed"', 'Provisioned'],
    ['"ExistingOs"', 'Discovered'],
    ['{"ExistingOs":{"os_name":"Debian GNU/Linux 13 (trixie)"}}', 'Discovered'],
    [failed, 'Error'],
  ])('%s is found as %s, and served as it was written', async (state, name) => {
    const server = await restored(newer(state));
    const listed = await server.call('GET', `/api/machines?state=${name}`);
    expect(listed.body.machines).toMatchObject([
      { id: ids.newer, status: { state: JSON.parse(state) } },
    ]);
    const patched = await server.call('PATCH', `/api/machines/${ids.newer}`, {
      body: { hostname: 'node-4' },
    });
    expect(patched.body.status.state).toEqual(JSON.parse(state));
    const expected = newer(state).replace('"hostname":null', '"hostname":"node-4"');
    expect(comparable(await server.text(ids.newer))).toBe(comparable(expected));
  });

  it.each(['"Provisioning"', '"Initializing"', '"Installing"', '"Writing"', failed])(
    '%s, with a workflow that is not here, is provisioned or marked offline as from Error',
    async (state) => {
      const elsewhere = '"current_workflow":"01900000-0000-7000-8000-00000000000f"';
      const document = newer(state).replace('"current_workflow":null', elsewhere);
      const offline = await restored(document);
      const path = `/api/machines/${ids.newer}`;
      const marked = await offline.call('PATCH', path, { body: { offline: true } });
      expect([marked.status, marked.body.status.state]).toEqual([200, 'Offline']);
      const server = await restored(document);
      const answer = await server.call('POST', '/api/agent/checkin', {
        body: { mac: '02:00:00:00:00:04', existing_os: { name: 'Debian', device: 'sda1' } },
      });
      expect(answer.body).toMatchObject({ machine_id: ids.newer, action: 'wait' });
      await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
      const { status } = await server.call('POST', '/api/workflows', {
        body: { machine_id: ids.newer, template: 'restart' },
      });
      expect(status).toBe(201);
      const { body } = await server.call('GET', path);
      expect(body.status.state).toBe('Ready');
    },
  );
});

it.each(['null', '7', '[]', '{"Failed":null}', '{"Error":{}}', '"Resting"'])(
  'a record in the state %s, which means nothing, is restored, listed and changed',
  async (state) => {
    const server = await restored(newer(state));
    const { body } = await server.call('GET', '/api/machines?state=Error');
    expect(body.machines).toMatchObject([{ id: ids.newer, status: { state: JSON.parse(state) } }]);
    const path = `/api/machines/${ids.newer}`;
    const tagged = await server.call('PATCH', path, { body: { tags: ['a'] } });
    expect([tagged.status, tagged.body.error]).toEqual([200, undefined]);
    const told = { mac: '02:00:00:00:00:04', existing_os: { name: 'Debian', device: 'sda1' } };
    const answer = await server.call('POST', '/api/agent/checkin', { body: told });
    expect(answer.body).toMatchObject({ machine_id: ids.newer, action: 'wait' });
    const offline = await server.call('PATCH', path, { body: { offline: true } });
    expect(offline.body.status.state).toBe('Offline');
  },
);

it.each(['"Skipped"', '{"Cancelled":{"at":"+10000-01-01T00:00:00Z"}}', '7', '[]'])(
  'a record whose last workflow had the result %s, which means nothing, is marked offline and brought back',
  async (result) => {
    const document = minimal.replace(
      '"last_workflow_result":null',
      `"last_workflow_result":${result}`,
    );
    const server = await restored(document);
    const path = `/api/machines/${ids.minimal}`;
    await server.call('PATCH', path, { body: { offline: true } });
    const { body } = await server.call('PATCH', path, { body: { offline: false } });
    expect(body.status).toMatchObject({
      state: 'Discovered',
      last_workflow_result: JSON.parse(result),
    });
  },
);

describe('a record without the fields that are null', () => {
  const withDisk = minimal.replace(
    '"disks":[]',
    '"disks":[{"device":"/dev/sda","size_bytes":480,"model":null,"serial":null}]',
  );
  const bare = withDisk.replaceAll(/"\w+":null,|,"\w+":null(?=\})/g, '');
  const nulls = JSON.parse(withDisk);

  it('is restored as it was and served with them', async () => {
    const server = await restored(bare);
    expect(await server.text(ids.minimal)).toBe(bare);
    const { body } = await server.call('GET', `/api/machines/${ids.minimal}`);
    const list = await server.call('GET', '/api/machines');
    expect(list.body.machines).toEqual([body]);
    for (const part of ['identity', 'status', 'hardware', 'config', 'metadata']) {
      expect(body[part]).toEqual(nulls[part]);
    }
    const file = join(temporaryDirectory(), 'for-dragonfly');
    await backUp(server.kv, file, { dialect: 'dragonfly' });
    expect(readFileSync(file, 'utf8')).toContain('"bmc":null');
  });

  it('checks in, boots, is changed and runs a workflow', async () => {
    const server = await restored(bare);
    const told = { mac: '02:00:00:00:00:03', disks: [{ name: 'sda', size_bytes: 480 }] };
    const answer = await server.call('POST', '/api/agent/checkin', { body: told });
    expect(answer.body).toMatchObject({ machine_id: ids.minimal, action: 'wait' });
    expect((await server.call('GET', '/boot/02:00:00:00:00:03')).status).toBe(200);
    const path = `/api/machines/${ids.minimal}`;
    const { body } = await server.call('PATCH', path, { body: { tags: ['a'], offline: true } });
    expect(body.status.state).toBe('Offline');
    await server.call('PATCH', path, { body: { offline: false } });
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    const { status } = await server.call('POST', '/api/workflows', {
      body: { machine_id: ids.minimal, template: 'restart' },
    });
    expect(status).toBe(201);
  });
});

it.each([
  ['no hardware', minimal.replace(/"hardware":\{.*?\},(?="config)/s, '')],
  ['disks that are null', minimal.replace('"disks":[]', '"disks":null')],
  ['no identity', minimal.replace(/"identity":\{.*?\},/s, '')],
  ['an identity that is null', minimal.replace(/"identity":\{.*?\},/s, '"identity":null,')],
  ['a MAC that is a number', minimal.replace(/"primary_mac":"[^"]*"/, '"primary_mac":7')],
  ['no status', minimal.replace(/"status":\{.*?\},/s, '')],
  ['tags that are null', minimal.replace('"tags":[]', '"tags":null')],
])('a record with %s is refused by restore, with its line', async (_name, document) => {
  await expect(restored(minimal, document)).rejects.toMatchObject({
    code: 'backup.damaged',
    message: expect.stringMatching(/record of machines in line 3 of/),
  });
});

it("a stock agent's check-in takes nothing from known disks, and makes no history", async () => {
  const server = await restored(minimal);
  const mac = '02:00:00:00:00:03';
  const disks = [
    { name: 'sda', size_bytes: 480, model: 'A', serial: 'S1', wwn: 'W1' },
    { name: 'sdb', size_bytes: 480, model: 'B', serial: 'S2' },
  ];
  const checkIn = (body: object) => server.call('POST', '/api/agent/checkin', { body });
  await checkIn({ mac, boot_id: 'b', sequence: 1, agent_version: '0.2.0', disks });
  const { body: before } = await server.call('GET', `/api/machines/${ids.minimal}`);
  const told = disks.map(({ name, size_bytes }) => ({ name, size_bytes }));
  await checkIn({ mac, existing_os: null, disks: told });
  await checkIn({ mac, existing_os: null, disks: told.toReversed() });
  const { body: after } = await server.call('GET', `/api/machines/${ids.minimal}`);
  expect(after.hardware.disks.toReversed()).toEqual(before.hardware.disks);
  const { body } = await server.call('GET', `/api/machines/${ids.minimal}/history`);
  expect(body.history).toEqual([]);
});
