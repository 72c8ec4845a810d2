// Machines that share evidence: copied firmware, disks of one name, cards that change places, clones, dongles.
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../harness.ts';
import { newMac, newUuid, newDisk, machine, bodyOf, Fleet, mishaps } from './truth.ts';

describe('machines whose firmware is copied', () => {
  it.each([
    ['and whose memory has no serial numbers', []],
    ['', undefined],
  ])('with serial number and UUID are machines of their own %s', async (_, dimms) => {
    const fleet = await Fleet.open();
    const copied = { uuid: newUuid(), system: { vendor: 'MiniCo', product: 'N100', serial: 'M1' } };
    const all = [0, 1, 2].map((n) =>
      machine(`mini ${n}`, { ...copied, ...(dimms === undefined ? {} : { dimms }) }),
    );
    for (const m of [...all, ...all]) await fleet.boot(m);
    for (const m of all) {
      mishaps['a new installation']?.(m);
      await fleet.boot(m);
    }
    expect(await fleet.records()).toBe(all.length);
  });
});

describe('virtual machines whose disks their hypervisor names alike', () => {
  it.each([
    ['VMware NVME_0000', 'nvme.15ad-564d-56-00000001'],
    ['QM00001', 't10.ATA     QEMU HARDDISK   QM00001'],
  ])('%s are never in doubt', async (name, wwn) => {
    const fleet = await Fleet.open();
    const disks = [{ ...newDisk(), serial: name, wwn }];
    const system = { vendor: 'VMware', product: 'VMware7,1' };
    const all = [0, 1, 2].map((n) => machine(`vm ${n}`, { disks, dimms: [], system }));
    for (const m of all) await fleet.boot(m);
    for (const m of all) {
      mishaps['all ports swapped']?.(m);
      await fleet.boot(m);
    }
    const { body } = await fleet.server.call('GET', '/api/conflicts');
    expect([body.conflicts, await fleet.records()]).toEqual([[], all.length]);
  });
});

describe('two known machines', () => {
  it('that exchange their network cards, or lend one a dongle, stay themselves', async () => {
    const fleet = await Fleet.open();
    const [a, b] = [machine('a'), machine('b')];
    for (const m of [a, b]) await fleet.boot(m);
    [a.ports, b.ports] = [b.ports, a.ports];
    for (const m of [a, b, a]) await fleet.boot(m);
    [a.ports, b.ports] = [[newMac()], a.ports];
    for (const m of [b, a]) await fleet.boot(m);
    expect(await fleet.records()).toBe(2);
  });
});

describe('soon after its last heartbeat', () => {
  const swaps = ['a port swapped', 'all disks swapped', 'the board swapped', 'a new installation'];
  it.each(swaps)(
    'a machine with %s is itself, at the latest when it is asked again',
    async (swap) => {
      const fleet = await Fleet.open();
      const m = machine('m');
      await fleet.boot(m);
      await fleet.clock.advance(10_000);
      const beat = { machine_id: m.id, boot_id: `m ${m.boots}`, sequence: 2, uptime_seconds: 40 };
      await fleet.server.call('POST', '/api/agent/heartbeat', { body: beat });
      await fleet.clock.advance(5000);
      mishaps[swap]?.(m);
      m.boots += 1;
      const say = async (seconds: number): Promise<Answer> => {
        const body = { ...bodyOf(m), sequence: 1 + seconds, uptime_seconds: 3 + seconds };
        return fleet.server.call('POST', '/api/agent/checkin', { body });
      };
      let answer = await say(0);
      for (let waited = 5; answer.status === 409 && waited < 30; waited += 5) {
        await fleet.clock.advance(5000);
        answer = await say(waited);
      }
      expect(answer).toMatchObject({ status: 200, body: { machine_id: m.id, is_new: false } });
    },
  );
});

describe('a clone of a virtual machine', () => {
  it('is a machine of its own once the first one was heard beside it', async () => {
    const fleet = await Fleet.open();
    const first = machine('first', {
      disks: [],
      dimms: [],
      system: { vendor: 'QEMU', product: 'PC' },
    });
    await fleet.boot(first);
    const beat = async (): Promise<void> => {
      const body = { machine_id: first.id, boot_id: `first ${first.boots}`, uptime_seconds: 99 };
      expect((await fleet.server.call('POST', '/api/agent/heartbeat', { body })).status).toBe(200);
    };
    await fleet.clock.advance(5000);
    await beat();
    await fleet.clock.advance(4000);
    const clone = { ...first, name: 'clone', ports: [newMac(), newMac()], boots: 1 };
    const say = (uptime_seconds: number) =>
      fleet.server.call('POST', '/api/agent/checkin', {
        body: { ...bodyOf(clone), sequence: uptime_seconds, uptime_seconds },
      });
    expect((await say(2)).status).toBe(409);
    await fleet.clock.advance(5000);
    await beat();
    const { status, body } = await say(7);
    expect([status, body.is_new]).toEqual([200, true]);
    expect(body.evidence.join(' ')).toContain('was alive while the caller was running');
  });
});

describe('a dongle', () => {
  it('makes no second record and no merge, also while the first laptop is switched off', async () => {
    const fleet = await Fleet.open();
    const dongle = newMac();
    const [a, b] = [machine('a', { ports: [dongle] }), machine('b', { ports: [dongle] })];
    await fleet.boot(a);
    await fleet.clock.advance(3_600_000);
    await fleet.boot(b);
    const { body } = await fleet.server.call('GET', '/api/conflicts');
    expect(body.conflicts).toMatchObject([
      { machine_id: b.id, reason: 'contradicted', candidates: [{ machine_id: a.id }] },
    ]);
    for (const m of [a, b, b, a]) await fleet.boot(m);
    expect(await fleet.records()).toBe(2);
  });

  it('tells two laptops apart whose agents are stock, by processor, memory and disks', async () => {
    const fleet = await Fleet.open();
    const mac = newMac();
    const say = async (cpu_model: string, memory_bytes: number, size_bytes: number) => {
      await fleet.clock.advance(3_600_000);
      const disks = [{ name: 'sda', size_bytes, model: 'SSD' }];
      const body = { mac, cpu_model, memory_bytes, disks, existing_os: null };
      const { body: answer } = await fleet.server.call('POST', '/api/agent/checkin', { body });
      return [answer.machine_id, answer.is_new, answer.action];
    };
    const [a] = await say('i5', 8, 1000);
    const [b, isNew, action] = await say('i7', 16, 2000);
    expect([b === a, isNew, action]).toEqual([false, true, 'wait']);
    expect(await say('i5', 8, 1000)).toEqual([a, false, 'wait']);
    expect(await say('i7', 16, 2000)).toEqual([b, false, 'wait']);
    // More memory is an upgrade.
    expect(await say('i7', 32, 2000)).toEqual([b, false, 'wait']);
  });
});
