// Transfers that take longer than tests may: on a clock that stands still, over a server in memory.
// Real connections that break are in image2disk/faults.test.ts.
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../../src/actions/image/fetching/answer.ts';
import { Transfer } from '../../../../src/actions/image/fetching/transfer.ts';
import { ManualClock } from '../../../../src/core/clock.ts';
import { AppError } from '../../../../src/core/errors.ts';

/** In place of a part: nothing, until the connection is closed. */
const stall = Symbol('stall');
const never = new AbortController().signal;

/** Answers that come one after the other, then the last one again and again. */
function transferFrom(...answers: (() => Answer | Promise<Answer>)[]) {
  const clock = new ManualClock(new Date(0));
  const asked: Record<string, string>[] = [];
  const notes: string[] = [];
  const transfer = new Transfer('http://server/image?token=secret', {
    clock,
    random: () => 1,
    signal: never,
    algorithm: 'sha256',
    isVerified: false,
    onRetry: (reason) => notes.push(reason),
    ask: async (_url, headers) => {
      asked.push({ ...headers });
      const next = answers[Math.min(asked.length, answers.length) - 1];
      if (next === undefined) throw new Error('nothing to answer');
      return await next();
    },
  });
  const read = async (): Promise<string> => {
    let text = '';
    for await (const chunk of transfer) text += Buffer.from(chunk).toString('utf8');
    return text;
  };
  return { clock, asked, notes, transfer, read };
}

/** Lets time pass until the promise is settled, an hour at most. */
async function inTime<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  const state = { isSettled: false };
  const settled = promise.finally(() => {
    state.isSettled = true;
  });
  settled.catch(() => {});
  for (let second = 0; !state.isSettled && second < 3_600; second += 1) await clock.advance(1_000);
  return await settled;
}

function answer(
  status: number,
  headers: Record<string, string>,
  ...parts: (string | Error | typeof stall)[]
): Answer {
  let close = (): void => {};
  const closed = new Promise<never>((_, reject) => {
    close = () => reject(new Error('closed'));
  });
  closed.catch(() => {});
  return {
    status,
    headers,
    close: () => close(),
    body: (async function* body() {
      for (const part of parts) {
        if (part instanceof Error) throw part;
        if (part === stall) await closed;
        else yield Buffer.from(part);
      }
    })(),
  };
}

const whole = { 'content-length': '6', etag: '"a"' };
const reset = new Error('connection reset');
const rest = (
  from: number,
  headers: Record<string, string> = {},
  text = 'abcdef'.slice(from),
): Answer => answer(206, { 'content-range': `bytes ${from}-5/6`, etag: '"a"', ...headers }, text);

describe('a transfer', () => {
  it('goes on where it stopped, by the ETag', async () => {
    const { read, asked, clock } = transferFrom(
      () => answer(200, whole, 'abc', reset),
      () => rest(3),
    );
    const text = await inTime(clock, read());
    expect(text).toBe('abcdef');
    expect(asked[1]).toMatchObject({ range: 'bytes=3-', 'if-range': '"a"' });
  });

  it('takes no part of a file for all of it', async () => {
    const { read, notes, clock } = transferFrom(
      () => rest(3),
      () => answer(200, whole, 'abcdef'),
    );
    expect(await inTime(clock, read())).toBe('abcdef');
    expect(notes[0]).toContain('gives a part of the file');
  });

  it('takes a connection for dead that gives no byte for two minutes', async () => {
    const { read, notes, clock } = transferFrom(
      () => answer(200, whole, 'abc', stall),
      () => rest(3),
    );
    const text = await inTime(clock, read());
    expect(text).toBe('abcdef');
    expect(notes).toEqual(['no further byte of the image within 120 s; trying again at byte 3']);
  });

  it('does not count the time that its reader takes', async () => {
    const { transfer, clock, notes } = transferFrom(() => answer(200, whole, 'abc', 'def'));
    for await (const _ of transfer) await clock.advance(3_600_000);
    expect(notes).toEqual([]);
  });

  it('gives up after half an hour without a byte, with what went wrong last', async () => {
    const { read, clock } = transferFrom(
      () => answer(200, whole, 'abc', reset),
      () => answer(502, {}),
    );
    await expect(inTime(clock, read())).rejects.toMatchObject({
      code: 'image.unreachable',
      message: expect.stringMatching(/^cannot fetch http:\/\/server\/image\?…;/),
      cause: { message: 'the server answered 502' },
    });
  });

  it.each<[string, () => Answer]>([
    ['has less of the file than it says', () => rest(3, { 'content-length': '0' }, '')],
    ['always gives the same beginning', () => answer(200, whole, 'abc')],
  ])('gives up within minutes when the server %s', async (_, next) => {
    const { read, clock, asked } = transferFrom(() => answer(200, whole, 'abc'), next);
    await expect(inTime(clock, read())).rejects.toMatchObject({
      code: 'image.unreachable',
      cause: { message: 'the server answered 10 times in a row without a new byte' },
    });
    expect([asked.length, clock.elapsedMs() < 10 * 60_000]).toEqual([11, true]);
  });

  it('waits for a server that is away for longer than that', async () => {
    const away = Array.from({ length: 20 }, () => () => answer(503, {}));
    const cut = () => answer(200, whole, 'abc', reset);
    const { read, clock } = transferFrom(cut, ...away, () => rest(3));
    expect(await inTime(clock, read())).toBe('abcdef');
  });

  it('waits as long for a part of the file', async () => {
    const away = Array.from({ length: 20 }, () => () => answer(503, {}));
    const { transfer, clock } = transferFrom(...away, () => rest(2));
    expect((await inTime(clock, transfer.part(2, 3)))?.toString()).toBe('cde');
  });

  it('is patient with a server that stalls for ten minutes again and again', async () => {
    const stalls = Array.from({ length: 5 }, () => () => answer(200, whole, stall));
    const { read, clock } = transferFrom(...stalls, () => answer(200, whole, 'abcdef'));
    const text = await inTime(clock, read());
    expect(text).toBe('abcdef');
  });

  it('asks for the whole again where nothing would tell that it is the same file, and compares', async () => {
    const { read, asked, clock } = transferFrom(
      () => answer(200, { 'content-length': '6' }, 'abc', reset),
      () => answer(200, { 'content-length': '6' }, 'ab', 'cdef'),
    );
    const text = await inTime(clock, read());
    expect(text).toBe('abcdef');
    expect(asked[1]).not.toHaveProperty('range');
  });

  it.each([
    ['long ago', 'Thu, 01 Jan 2026 00:00:00 GMT', 'Thu, 01 Jan 2026 00:00:00 GMT'],
    ['just now', 'Thu, 01 Jan 2026 11:59:30 GMT', undefined],
  ])('knows a file by the date when it was changed %s: %s', async (_, modified, ifRange) => {
    const date = { date: 'Thu, 01 Jan 2026 12:00:00 GMT', 'last-modified': modified };
    const { read, asked, clock } = transferFrom(
      () => answer(200, { 'content-length': '6', ...date }, 'abc', reset),
      () => answer(200, { 'content-length': '6', ...date }, 'abcdef'),
    );
    expect(await inTime(clock, read())).toBe('abcdef');
    expect(asked[1]?.['if-range']).toBe(ifRange);
  });

  it.each<[string, () => Answer]>([
    ['answers with a whole that begins differently', () => answer(200, whole, 'xyzdef')],
    ['answers with a part of a longer file', () => rest(3, { 'content-range': 'bytes 3-5/7' })],
    ['answers with a part from elsewhere', () => rest(3, { 'content-range': 'bytes 2-5/6' })],
    ['answers with a part of another ETag', () => rest(3, { etag: '"b"' })],
    [
      'gives more than was left of the file',
      () => answer(206, { 'content-range': 'bytes 3-5/6', etag: '"a"' }, 'def', 'ghi'),
    ],
    ['says that there is no such part', () => answer(416, { 'content-range': 'bytes */2' })],
  ])('fails as changed when the server %s', async (_, second) => {
    const { read, clock } = transferFrom(() => answer(200, whole, 'abc', reset), second);
    await expect(inTime(clock, read())).rejects.toMatchObject({ code: 'image.changed' });
  });

  it('is at its end when the connection broke behind the last byte', async () => {
    const { read, clock } = transferFrom(
      () => answer(200, { etag: '"a"', 'transfer-encoding': 'chunked' }, 'abcdef', reset),
      () => answer(416, { 'content-range': 'bytes */6' }),
    );
    const text = await inTime(clock, read());
    expect(text).toBe('abcdef');
  });

  it.each([404, 403, 301])('does not repeat what was answered with %d', async (status) => {
    const { read, asked } = transferFrom(() => answer(status, {}));
    await expect(read()).rejects.toBeInstanceOf(AppError);
    expect(asked).toHaveLength(1);
  });

  it('gives a part, and nothing where the server does not', async () => {
    const { transfer } = transferFrom(
      () => rest(2),
      () => answer(200, whole, 'abcdef'),
    );
    expect((await transfer.part(2, 3))?.toString()).toBe('cde');
    expect(await transfer.part(2, 3)).toBeUndefined();
  });
});
