import { describe, expect, it } from 'vitest';
import type { LocalBoot } from '../../../src/model/machine.ts';
import { cameBack, keepsComingBack, sentToDisk } from '../../../src/server/rules/local-boot.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (minutes: number): Date => new Date(start + minutes * 60_000);

/** Sent to its disk at each of these minutes, and back from the network just before. */
function sentAt(...minutes: number[]): LocalBoot | undefined {
  return minutes.reduce<LocalBoot | undefined>((count, minute) => {
    const back = cameBack(count, null, at(minute));
    return keepsComingBack(back, at(minute)) ? back : sentToDisk(back, null, at(minute));
  }, undefined);
}

describe('a machine that was sent to its disk', () => {
  it.each([
    ['once', [0], false],
    ['and came back at once, as by the reboot that an agent makes', [0, 2], false],
    ['and came back at once, twice running', [0, 2, 4], true],
    ['and came back at once, then after a day of work', [0, 2, 1442], false],
    ['every twenty minutes', [0, 20, 40, 60], false],
    ['and came back at once, then later, then at once', [0, 2, 14, 16], false],
  ] as const)('%s: %j is kept in the agent: %s', (_story, minutes, isKept) => {
    expect(keepsComingBack(sentAt(...minutes), at(minutes.at(-1) ?? 0))).toBe(isKept);
  });

  it('and asks for its script twice in a breath came back once', () => {
    const count = sentAt(0, 2);
    expect(cameBack(count, null, at(2.05))).toBe(count);
  });

  it('by the answer to a check-in has not come back while that boot goes on checking in', () => {
    const count = sentToDisk(undefined, 'a', at(0));
    expect(cameBack(count, 'a', at(1))).toBe(count);
    expect(cameBack(count, 'b', at(2))).toMatchObject({ returns: 1, boot_id: 'b' });
  });

  it('and is kept in the agent gets its disk again after an hour', () => {
    const kept = sentAt(0, 2, 4);
    expect(keepsComingBack(kept, at(50))).toBe(true);
    expect(keepsComingBack(kept, at(63))).toBe(false);
    expect(cameBack(kept, null, at(63))).toBeUndefined();
  });

  it('by the answer to a check-in, after an hour in the agent, has its way through the network', () => {
    // A stock agent's check-in names no boot, and is no return.
    const again = sentToDisk(sentAt(0, 2, 4), null, at(70));
    expect(again.returns).toBe(0);
    const back = cameBack(again, null, at(71));
    expect(keepsComingBack(back, at(71))).toBe(false);
  });

  it('and is kept in the agent gets its disk again when the clock was set back by a day', () => {
    const kept = sentAt(1440, 1442, 1444);
    expect(keepsComingBack(kept, at(5))).toBe(false);
    expect(cameBack(kept, null, at(5))).toBeUndefined();
  });
});
