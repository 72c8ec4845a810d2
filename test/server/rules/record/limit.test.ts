// The size of a record: what is cut, in which order, and that it is said.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import type { CheckinRequest } from '../../../../src/model/api/agent.ts';
import type { Machine } from '../../../../src/model/machine.ts';
import { recordLimitBytes, withinLimit } from '../../../../src/server/rules/record/limit.ts';
import { opened } from '../../../store/backends.ts';
import { registrar } from '../../harness.ts';

const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
const mac = '02:00:00:00:00:01';

function bytes(machine: Machine): number {
  return Buffer.byteLength(JSON.stringify(machine));
}

function disks(count: number): NonNullable<CheckinRequest['disks']> {
  return Array.from({ length: count }, (_, n) => ({
    name: `sd${n}`,
    size_bytes: 18_000_207_937_536,
    model: 'ST18000NM004J',
    serial: `ZR5${String(n).padStart(5, '0')}`,
    wwn: `0x5000c500d${String(n).padStart(7, '0')}`,
    type: 'hdd',
    transport: 'sas',
    paths: [],
  }));
}

async function recordOf(more: Partial<CheckinRequest>): Promise<Machine> {
  const ask = registrar(await opened('memory:'), clock);
  return (await ask({ mac, ...more })).machine.value;
}

function cutOf({ report }: Machine): string | undefined {
  return report?.problems.find(({ code }) => code === 'record.cut')?.message;
}

it('keeps 128 disks in full, and those after them by serial and size alone', async () => {
  const { hardware, ...rest } = await recordOf({ disks: disks(130) });
  expect(hardware.disks[127]).toMatchObject({ model: 'ST18000NM004J', transport: 'sas' });
  expect(hardware.disks.slice(128)).toEqual(
    [128, 129].map((n) => ({
      device: `/dev/sd${n}`,
      size_bytes: 18_000_207_937_536,
      model: null,
      serial: `ZR5${String(n).padStart(5, '0')}`,
    })),
  );
  expect(cutOf({ hardware, ...rest })).toContain('of 130 disks those after 128 by serial and size');
});

it('keeps 64 problems, the last of which says that there were more', async () => {
  const problems = Array.from({ length: 70 }, (_, n) => ({
    code: 'read.denied',
    section: 'disks',
    source: `/sys/block/sd${n}`,
    message: 'denied',
  }));
  const machine = await recordOf({ problems });
  expect(machine.report?.problems).toHaveLength(64);
  expect(cutOf(machine)).toContain('63 of 70 problems');
  expect(cutOf(await recordOf({ problems: problems.slice(0, 64) }))).toBeUndefined();
});

it('is never above 64 KB, whatever a check-in tells', async () => {
  const text = 'x'.repeat(256);
  const contents = Array.from({ length: 8 }, () => ({
    device: '/dev/sda1',
    type: 'ext4',
    label: text,
  }));
  const bodies: Partial<CheckinRequest>[] = [
    { disks: disks(4096) },
    { disks: disks(128).map((disk) => ({ ...disk, contents })) },
    { disks: disks(100).map((disk) => ({ ...disk, model: text, paths: Array(64).fill(text) })) },
    {
      interfaces: Array.from({ length: 1024 }, (_, n) => ({ name: `eth${n}`, mac, driver: text })),
    },
    { dimms: Array.from({ length: 1024 }, () => ({ size_bytes: 2 ** 35, serial: text })) },
    { gpus: Array.from({ length: 256 }, () => ({ name: text, driver: text })) },
    {
      problems: Array.from({ length: 64 }, () => ({
        code: 'x',
        section: 'x',
        source: text,
        message: text.repeat(4),
      })),
    },
  ];
  for (const body of bodies) {
    const machine = await recordOf(body);
    expect(bytes(machine)).toBeLessThanOrEqual(recordLimitBytes);
    expect(cutOf(machine)).toMatch(/^more was told than a record holds/);
  }
});

it('cuts the contents of disks before the disks, so that 128 stay in full', async () => {
  const contents = Array.from({ length: 24 }, () => ({ device: '/dev/sda1', type: 'ext4' }));
  const { hardware } = await recordOf({ disks: disks(128).map((disk) => ({ ...disk, contents })) });
  expect(hardware.disks).toHaveLength(128);
  expect(hardware.disks.every(({ wwn }) => wwn !== undefined)).toBe(true);
  expect(hardware.disks.at(-1)).not.toHaveProperty('contents');
});

it('is cut the same way each time, so that a machine that returns unchanged is not written', async () => {
  const ask = registrar(await opened('memory:'), clock);
  const body = { mac, disks: disks(4096), interfaces: [{ name: 'eth0', mac }] };
  const first = await ask(body);
  expect((await ask(body)).machine).toEqual(first.machine);
});

it('is taken in good time with as many disks as allowed, known ones too', async () => {
  const ask = registrar(await opened('memory:'), clock);
  const body = { mac, boot_id: 'b', disks: disks(4096) };
  await ask(body);
  const startMs = performance.now();
  for (let i = 0; i < 4; i += 1) await ask({ ...body, memory_bytes: i });
  expect(performance.now() - startMs).toBeLessThan(2000);
});

it('keeps its disks and ports where it was stored larger by a text, and its machine checks in', async () => {
  const store = await opened('memory:');
  const ask = registrar(store, clock);
  const interfaces = [{ name: 'eth0', mac, speed_mbps: 1000 }];
  const { value } = (await ask({ mac, disks: disks(20), interfaces })).machine;
  const labels = { note: 'y'.repeat(recordLimitBytes) };
  await store.machines.put({ ...value, metadata: { ...value.metadata, labels } });
  const { hardware, ...rest } = (await ask({ mac, cpu_cores: 8 })).machine.value;
  expect(hardware).toEqual({ ...value.hardware, cpu_cores: 8 });
  expect(cutOf({ hardware, ...rest })).toBeUndefined();
});

it('stays readable where it was stored larger', async () => {
  const store = await opened('memory:');
  const ask = registrar(store, clock);
  const { value } = (await ask({ mac })).machine;
  const large = { ...value, config: { ...value.config, tags: ['y'.repeat(recordLimitBytes)] } };
  await store.machines.put(large);
  expect((await store.machines.get(value.id))?.value).toEqual(large);
  expect(withinLimit(large).config).toEqual(large.config);
});
