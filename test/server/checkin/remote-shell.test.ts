// The remote shell as a server sees it: a setting becomes keys in answers, a shell that is open is in record and audit log.
import { expect, it } from 'vitest';
import { checkin, startServer, type TestServer } from '../harness.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDWAI3b9Ft0WfAHLUJpURpsMT/FVHfODtUXsm63ma2GU';
const host_key = key;
const inImage = { boot_id: 'b', in_image: true };

/** Machine 1 in the netboot image of a server. */
async function start() {
  const server = await startServer();
  let sequence = 0;
  const checkIn = async (more: Record<string, unknown> = {}) => {
    const body = checkin(1, { ...inImage, sequence: (sequence += 1), ...more });
    return (await server.call('POST', '/api/agent/checkin', { body })).body;
  };
  const beat = async (machine_id: string) => {
    const body = { machine_id, boot_id: 'b', sequence: (sequence += 1) };
    return (await server.call('POST', '/api/agent/heartbeat', { body })).body;
  };
  return { server, checkIn, beat };
}

const put = (server: TestServer, value: string, name = 'boot.ssh_keys') =>
  server.call('PUT', `/api/settings/${name}`, { body: { value } });

it('a machine in the netboot image is told the keys until the setting is taken away', async () => {
  const { server, checkIn, beat } = await start();
  const { machine_id, ...first } = await checkIn();
  expect(first).not.toHaveProperty('ssh_keys');
  expect((await put(server, `${key} ops@example`)).status).toBe(201);
  await expect.poll(() => beat(machine_id)).toMatchObject({ ssh_keys: [key] });
  expect(await checkIn()).toMatchObject({ ssh_keys: [key] });
  await server.call('DELETE', '/api/settings/boot.ssh_keys');
  await expect.poll(() => beat(machine_id)).not.toHaveProperty('ssh_keys');
  expect(await checkIn()).not.toHaveProperty('ssh_keys');
});

it('an agent on an installed system is told none, and neither is one that does not say', async () => {
  const { server, checkIn } = await start();
  await put(server, key);
  expect(await checkIn({ in_image: false })).not.toHaveProperty('ssh_keys');
  expect(await checkIn({ in_image: undefined })).not.toHaveProperty('ssh_keys');
  expect(await checkIn()).toHaveProperty('ssh_keys');
});

it('refuses what is no public key, for every place of the setting', async () => {
  const { server } = await start();
  for (const name of ['boot.ssh_keys', 'boot.ssh_keys.tag.x', 'boot.ssh_keys.machine.y']) {
    expect(await put(server, `command="sh" ${key}`, name)).toMatchObject({
      status: 422,
      body: { code: 'request.invalid' },
    });
    expect((await put(server, '', name)).status).toBe(201);
  }
});

it('an open shell is in the record with its fingerprint while it is told, and once in the audit log', async () => {
  const { server, checkIn } = await start();
  await put(server, key);
  const open = { remote_shell: { host_key, port: 22 } };
  await checkIn();
  await checkIn(open);
  const { machine_id } = await checkIn(open);
  const reportOf = async () =>
    (await server.call('GET', `/api/machines/${machine_id}`)).body.report;
  const fingerprint = 'SHA256:Np++db/IJEysK/yW4ybH7/q4UKJYScfGFDocTsOIMuo';
  expect((await reportOf()).remote_shell).toEqual({ host_key, port: 22, fingerprint });
  const { body } = await server.call('GET', '/api/audit?action=machines.remote_shell');
  expect(body.entries).toMatchObject([
    { records: [`machines/${machine_id}`], change: { host_key: fingerprint, keys: [fingerprint] } },
  ]);
  await checkIn();
  expect(await reportOf()).not.toHaveProperty('remote_shell');
  await checkIn({ ...open, in_image: false });
  expect(await reportOf()).not.toHaveProperty('remote_shell');
});

it('a machine that tells of ever new host keys does not fill the audit log', async () => {
  const { server, checkIn } = await start();
  for (let n = 0; n < 10; n += 1) {
    const another = `${host_key.slice(0, -2)}${n}U`;
    await checkIn({ remote_shell: { host_key: another, port: 22 } });
  }
  const { body } = await server.call('GET', '/api/audit?action=machines.remote_shell');
  expect(body.entries).toHaveLength(5);
});

it('the host key of somebody who knows the MAC of a machine alone is not taken for its own', async () => {
  const { server, checkIn } = await start();
  const known = { smbios_uuid: '4c4c4544-0051-3910-8054-b4c04f4e3533' };
  const { machine_id } = await checkIn(known);
  const { mac } = checkin(1);
  const shell = { ...inImage, sequence: 9, remote_shell: { host_key, port: 22 } };
  await server.call('POST', '/api/agent/checkin', { body: { mac, ...shell } });
  const { body } = await server.call('GET', `/api/machines/${machine_id}`);
  expect(body.report).toMatchObject({ shows_less: true, sequence: 9 });
  expect(body.report).not.toHaveProperty('remote_shell');
});
