// The states of a machine that is heard, as they are drawn in liveness.ts.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import { Events } from '../../../../src/server/running/events.ts';
import { Liveness } from '../../../../src/server/running/liveness/liveness.ts';
import type { Beat, Boot, Claim } from '../../../../src/server/running/liveness/presence.ts';

const policy = { intervalSeconds: 10, maxBeatsPerSecond: 500 };

function boot(boot_id: string | null, more: Omit<Boot, 'boot_id'> = {}): Boot {
  return { boot_id, ...more };
}

/** A machine "m", heard every ten seconds, whose boot "a" checks in at 0. */
class Heard {
  readonly clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
  readonly liveness = new Liveness(this.clock, new Events('run'), () => 0.5, policy);

  constructor(identity_hash?: string) {
    this.checkIn('a', identity_hash === undefined ? {} : { identity_hash });
  }

  get bootId(): string | null | undefined {
    return this.liveness.get('m')?.bootId;
  }

  checkIn(bootId: string, more: Omit<Boot, 'boot_id'> = {}): void {
    const how = { isWritten: true, isHolder: false };
    this.liveness.checkedIn('m', boot(bootId, more), 'Discovered', how);
  }

  beat(bootId: string, more: Omit<Boot, 'boot_id'> = {}): Beat {
    return this.liveness.beat('m', boot(bootId, more), 'Ready');
  }

  claims(
    bootId: string | null,
    uptime_seconds?: number,
    by: 'heard' | 'beating' = 'beating',
  ): Claim {
    const started = uptime_seconds === undefined ? {} : { uptime_seconds };
    return this.liveness.claims('m', boot(bootId, started), by);
  }
}

/** It also beat at 10. */
async function beating(): Promise<Heard> {
  const machine = new Heard();
  await machine.clock.advance(10_000);
  machine.beat('a');
  return machine;
}

describe('a claim', () => {
  it('is told from the boot that was heard last by when the kernel started', async () => {
    const machine = await beating();
    await machine.clock.advance(10_000);
    expect(machine.claims('a', 20)).toBe('same boot');
    expect(machine.claims('b', 5)).toBe('reboot');
    expect(machine.claims('b', 15)).toBe('second machine');
    expect(machine.claims('b')).toBe('unknown');
    expect(machine.claims(null, 5)).toBe('unknown');
  });

  it('is opposed by a boot that only checked in where hearing it is enough', async () => {
    const machine = new Heard();
    await machine.clock.advance(5_000);
    expect(machine.claims('b', 60, 'heard')).toBe('second machine');
    expect(machine.claims('b', 60, 'beating')).toBe('unopposed');
  });

  it('is not opposed by a machine that is late', async () => {
    const machine = await beating();
    await machine.clock.advance(16_000);
    expect(machine.claims('b', 3600, 'heard')).toBe('unopposed');
  });
});

describe('a heartbeat', () => {
  it('of another boot is refused while the present one beats, and taken when that is late', async () => {
    const machine = await beating();
    await machine.clock.advance(10_000);
    const before = { ...machine.liveness.get('m') };
    expect(machine.beat('b')).toBe('other boot');
    expect({ ...machine.liveness.get('m') }).toEqual(before);
    await machine.clock.advance(6_000);
    expect(machine.beat('b')).toBe('heard');
    expect(machine.bootId).toBe('b');
  });

  it('of another boot is taken where the present one only checked in', () => {
    expect(new Heard().beat('b')).toBe('heard');
  });

  it('of the boot before takes the machine back, once', async () => {
    const machine = await beating();
    machine.checkIn('b');
    machine.beat('b');
    await machine.clock.advance(1_000);
    expect(machine.beat('a')).toBe('taken back');
    expect(machine.bootId).toBe('a');
    expect(machine.beat('b')).toBe('other boot');
    expect(machine.beat('a')).toBe('heard');
  });

  it('with another identity hash than the check-in had is no word of this machine', async () => {
    const machine = new Heard('h1');
    const { seenAt } = machine.liveness.get('m') ?? {};
    await machine.clock.advance(1_000);
    expect(machine.beat('a', { identity_hash: 'h2' })).toBe('other identity');
    expect(machine.liveness.get('m')?.seenAt).toEqual(seenAt);
    expect(machine.beat('a')).toBe('heard');
  });
});
