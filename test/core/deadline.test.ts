import { describe, expect, it } from 'vitest';
import { inTime, Patience } from '../../src/core/deadline.ts';
import { ManualClock } from '../../src/core/clock.ts';

function patience() {
  const clock = new ManualClock(new Date(0));
  const late: string[] = [];
  return { clock, late, patience: new Patience(clock, (err) => late.push(err.message)) };
}

describe('Patience', () => {
  it('ends when what is expected does not come in time, and says what', async () => {
    const { clock, late, patience: p } = patience();
    p.expect('answer', 1_000);
    await clock.advance(999);
    expect(late).toEqual([]);
    await clock.advance(1);
    expect(late).toEqual(['no answer within 1 s']);
  });

  it('starts anew with each thing that comes, with one timer', async () => {
    const { clock, late, patience: p } = patience();
    for (let i = 0; i < 5; i++) {
      p.expect('part', 1_000);
      await clock.advance(900);
    }
    expect(late).toEqual([]);
    await clock.advance(99);
    expect(late).toEqual([]);
    await clock.advance(1);
    expect(late).toEqual(['no part within 1 s']);
  });

  it('keeps a limit that is shorter than the one before', async () => {
    const { clock, late, patience: p } = patience();
    p.expect('answer', 30_000);
    await clock.advance(1_000);
    p.expect('part', 500);
    await clock.advance(500);
    expect(late).toEqual(['no part within 0.5 s']);
  });

  it('leaves nothing behind when nothing more is expected', async () => {
    const { clock, late, patience: p } = patience();
    p.expect('answer', 1_000);
    p.expect('part', 500);
    p.end();
    p.expect('more', 100);
    expect(clock.nextDueMs()).toBeUndefined();
    await clock.advance(10_000);
    expect(late).toEqual([]);
  });
});

describe('inTime', () => {
  const late = (): Error => new Error('late');

  it('gives what comes in time, and leaves no timer behind', async () => {
    const clock = new ManualClock(new Date(0));
    expect(await inTime(Promise.resolve('here'), clock, 1_000, late)).toBe('here');
    await expect(inTime(Promise.reject(new Error('broken')), clock, 1_000, late)).rejects.toThrow(
      'broken',
    );
    expect(clock.nextDueMs()).toBeUndefined();
  });

  it('gives up what comes late, even if that fails later', async () => {
    const clock = new ManualClock(new Date(0));
    let fail: (err: Error) => void = () => {};
    const slow = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const waiting = inTime(slow, clock, 1_000, late).catch((err: unknown) => err);
    await clock.advance(1_000);
    expect(await waiting).toEqual(new Error('late'));
    fail(new Error('nobody waits for this'));
  });

  it('gives up at once when its signal is aborted, before or meanwhile', async () => {
    const clock = new ManualClock(new Date(0));
    const stop = new AbortController();
    const waiting = inTime(new Promise(() => {}), clock, 1_000, late, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await expect(inTime(new Promise(() => {}), clock, 1_000, late, stop.signal)).rejects.toThrow(
      'stopped',
    );
    expect(clock.nextDueMs()).toBeUndefined();
  });
});
