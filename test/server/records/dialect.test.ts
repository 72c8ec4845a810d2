// Machines in the dialect of newer versions of Dragonfly: what those versions' types read.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stateName } from '../../../src/model/machine.ts';
import { backUp } from '../../../src/store/backup/backup.ts';
import { restore } from '../../../src/store/backup/restore.ts';
import { openedWithKv } from '../../store/backends.ts';
import { temporaryDirectory } from '../harness.ts';
import { readMachine } from '../stock/machine.ts';
import { full, ids, minimal } from './documents.ts';
import { restored } from './restored.ts';

describe('the dialect of newer versions of Dragonfly', () => {
  const added = {
    installation_progress: 0,
    netboot: { allow_pxe: true, allow_workflow: true, dhcp_ip: null },
  };

  it('is served on demand, with every field that they require', async () => {
    const server = await restored(minimal);
    const one = `/api/machines/${ids.minimal}`;
    expect((await server.call('GET', one)).body.config).not.toHaveProperty('netboot');
    const { body } = await server.call('GET', `${one}?dialect=dragonfly`);
    expect(body.config).toMatchObject(added);
    const list = await server.call('GET', '/api/machines?dialect=dragonfly&state=Discovered');
    expect(list.body.machines).toEqual([body]);
    expect((await server.call('GET', `${one}?dialect=other`)).status).toBe(422);
    expect(await server.text(ids.minimal)).toBe(minimal);
  });

  it('keeps what came from there, and shows no password', async () => {
    const server = await restored(full);
    const { body } = await server.call('GET', `/api/machines/${ids.full}?dialect=dragonfly`);
    expect(body.config).toMatchObject({
      installation_progress: 255,
      netboot: { allow_pxe: false, allow_workflow: true, dhcp_ip: '192.0.2.7' },
      bmc: { username: 'root', password_encrypted: '' },
    });
  });

  it('is what a backup for Dragonfly holds, and only that one', async () => {
    const server = await restored(full, minimal);
    const interfaces = [
      { name: 'eth0', mac: '02:00:00:00:00:03', speed_mbps: 1000 },
      { name: 'eth1', mac: '02:00:00:00:00:05' },
    ];
    const body = { mac: '02:00:00:00:00:03', interfaces };
    expect((await server.call('POST', '/api/agent/checkin', { body })).body.is_new).toBe(false);
    const file = join(temporaryDirectory(), 'for-dragonfly');
    await backUp(server.kv, file, { dialect: 'dragonfly' });
    const text = readFileSync(file, 'utf8');
    // Records from there are complete already, and this version's word for the state is its own.
    const theirs = full.replace('{"Error":', '{"Failed":');
    expect(text).toContain(`{"table":"machines","document":${theirs}}\n`);
    const line = text.split('\n').find((l) => l.includes(ids.minimal)) ?? '';
    const { document } = JSON.parse(line);
    expect(document.config).toMatchObject(added);
    expect(document.hardware.network_interfaces.map((p: { name: string }) => p.name)).toEqual([
      'eth1',
    ]);
    const again = await openedWithKv('memory:');
    expect(await restore(again.kv, file)).toBe(3);
    await backUp(server.kv, file);
    expect(readFileSync(file, 'utf8')).not.toContain('allow_pxe":true');
  });

  const own = ['"Discovered"', '"Ready"', '"Provisioning"', '"Provisioned"', '"Offline"'];
  const there = ['"ReadyToInstall"', '"Writing"', '{"ExistingOs":{"os_name":"Debian"}}'];
  const failed = ['{"Error":{"message":"no disk"}}', '{"Error":{}}', '{"Failed":{"message":"x"}}'];

  it.each([...own, ...there, ...failed])(
    'has the state %s in words that they know, and so has its backup',
    async (state) => {
      const record = minimal.replace('"Discovered"', state);
      const server = await restored(record);
      const { body } = await server.call('GET', `/api/machines/${ids.minimal}?dialect=dragonfly`);
      readMachine(body, '$');
      const file = join(temporaryDirectory(), 'for-dragonfly');
      await backUp(server.kv, file, { dialect: 'dragonfly' });
      const [, line = ''] = readFileSync(file, 'utf8').split('\n');
      const { document } = JSON.parse(line);
      readMachine(document, '$');
      expect(document.status.state).toEqual(body.status.state);
      // It means the same here when it comes back.
      const again = await restored(JSON.stringify(document));
      const back = await again.call('GET', `/api/machines?state=${stateName(JSON.parse(state))}`);
      expect(back.body.machines).toHaveLength(1);
    },
  );

  it('says what went wrong, and leaves alone what was written there', async () => {
    const state = async (text: string): Promise<unknown> => {
      const server = await restored(minimal.replace('"Discovered"', text));
      const { body } = await server.call('GET', `/api/machines/${ids.minimal}?dialect=dragonfly`);
      return body.status.state;
    };
    expect(await state('{"Error":{"message":"no disk"}}')).toEqual({
      Failed: { message: 'no disk' },
    });
    expect(await state('"Writing"')).toBe('Writing');
    expect(await state('"Provisioned"')).toBe('Installed');
  });
});
