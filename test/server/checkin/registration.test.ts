import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { computeIdentityHash } from '../../../src/identity/hash.ts';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import type { Registration } from '../../../src/server/checkin/registration.ts';
import { backends, opened, skipIfMissing } from '../../store/backends.ts';
import { registrar } from '../harness.ts';

const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
const uuid = '4c4c4544-0051-3510-8052-b4c04f4a3132';
const server: CheckinRequest = {
  mac: '02:00:00:00:00:01',
  all_macs: ['02:00:00:00:00:01', '02:00:00:00:00:02'],
  smbios_uuid: uuid,
  machine_id: '0123456789abcdef0123456789abcdef',
  memory_bytes: 64_000_000_000,
  disks: [{ name: 'sda', size_bytes: 1_000_000_000, serial: 'S1' }],
};

function idOf(registration: Registration): string {
  return registration.machine.value.id;
}

describe.each(backends)('register on $name', (backend) => {
  const { url } = backend;
  skipIfMissing(backend);

  it('makes a machine with a UUIDv7, and finds it again by its identity hash', async () => {
    const store = await opened(await url());
    const register = registrar(store, clock);
    const first = await register(server);
    expect(first).toMatchObject({ isNew: true, matchedBy: 'new' });
    expect(idOf(first)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    const again = await register({ ...server, mac: '02-00-00-00-00-02' });
    expect(again).toMatchObject({ isNew: false, matchedBy: 'identity_hash' });
    expect(idOf(again)).toBe(idOf(first));
  });

  it('finds a machine that was installed again by its primary MAC', async () => {
    const store = await opened(await url());
    const register = registrar(store, clock);
    const first = await register(server);
    const again = await register({ ...server, machine_id: 'f'.repeat(32) });
    expect(again).toMatchObject({ isNew: false, matchedBy: 'primary_mac' });
    expect(idOf(again)).toBe(idOf(first));
  });

  it('makes one record of 64 concurrent first check-ins', async () => {
    const store = await opened(await url());
    const register = registrar(store, clock);
    const all = await Promise.all(Array.from({ length: 64 }, () => register(server)));
    expect(new Set(all.map(idOf)).size).toBe(1);
    expect(all.filter((r) => r.isNew)).toHaveLength(1);
    expect((await store.machines.list()).items).toHaveLength(1);
  });

  it('refuses an identity hash that the fields do not give, and stores nothing', async () => {
    const store = await opened(await url());
    const register = registrar(store, clock);
    const computed = computeIdentityHash(server.all_macs ?? [], uuid, server.machine_id ?? null);
    await expect(register({ ...server, identity_hash: 'f'.repeat(64) })).rejects.toMatchObject({
      code: 'identity.mismatch',
      details: { sent: 'f'.repeat(64), computed },
    });
    expect((await store.machines.list()).items).toHaveLength(0);
  });
});
