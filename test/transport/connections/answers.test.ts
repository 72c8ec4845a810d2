// Answers as connections bring them: in parts, late, broken, or none.
import { createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { listen, connectionsTo, against, againstBytes, ok } from './raw-server.ts';

describe('an answer that is read while it comes', () => {
  it('may take its reader any time, but not its server', async () => {
    const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
    const { read } = await against((r) => void r.writeHead(200).write('one'), { clock });
    const parts = read(45_000);
    expect(Buffer.from((await parts.next()).value ?? '').toString()).toBe('one');
    await clock.advance(600_000);
    const next = parts.next();
    next.catch(() => {});
    await expect.poll(() => clock.nextDueMs()).toBe(645_000);
    await clock.advance(45_000);
    await expect(next).rejects.toThrow('no further part of the answer within 45 s');
  });

  it('breaks off where the connection does', async () => {
    const { read } = await against((r) => void r.writeHead(200).write('one', () => r.destroy()));
    const parts = read(45_000);
    await parts.next();
    await expect(parts.next()).rejects.toThrow('aborted');
  });

  it('ends its connection when its reader leaves', async () => {
    const { read, closed } = await against((r) => void r.writeHead(200).write('one'));
    const parts = read(45_000);
    await parts.next();
    await parts.return?.();
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
  });
});

describe('an answer', () => {
  it('may be preceded by others with a status of 1xx', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';
    const { ask } = await againstBytes((socket) => socket.write(`${early}${early}${ok}me`));
    expect(await ask()).toBe('200 me');
  });

  it('has to come in time, however many of 1xx precede it', async () => {
    const { ask } = await againstBytes(
      (socket) => {
        const drip = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 10);
        socket.on('close', () => clearInterval(drip));
      },
      { headersTimeoutMs: 200 },
    );
    await expect(ask()).rejects.toThrow('no answer within 0.2 s');
  });

  it.each<[string, string, string]>([
    [
      'that changes the protocol',
      'HTTP/1.1 101 Sure\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      'without an answer',
    ],
    [
      'whose headers have no end',
      `${ok.slice(0, -2)}X: ${'x'.repeat(20_000)}`,
      'HPE_HEADER_OVERFLOW',
    ],
    [
      'whose parts have no sizes',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz',
      'HPE_INVALID_CHUNK_SIZE',
    ],
    [
      'with two lengths',
      `${ok.slice(0, -2)}Content-Length: 3\r\n\r\nabc`,
      'HPE_UNEXPECTED_CONTENT_LENGTH',
    ],
  ])('%s is an error', async (_, bytes, error) => {
    const { ask } = await againstBytes((socket) => socket.write(bytes), {
      headersTimeoutMs: 2_000,
    });
    const err: unknown = await ask().catch((e: unknown) => e);
    expect(err instanceof Error && 'code' in err ? err.code : String(err)).toContain(error);
  });

  it('whose last part never comes is an error', async () => {
    const { ask } = await againstBytes((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nme\r\n'),
    );
    await expect(ask()).rejects.toThrow('aborted');
  });
});

describe('a server that takes a connection and says nothing', () => {
  it.each([
    ['https', { connectTimeoutMs: 100 }, 'no connection within 0.1 s'],
    ['http', { headersTimeoutMs: 100 }, 'no answer within 0.1 s'],
    ['http', { totalTimeoutMs: 100 }, 'no complete answer within 0.1 s'],
  ] as const)('over %s is given up at the deadline: %j', async (scheme, limits, error) => {
    const server = createTcpServer((socket) => void socket.on('error', () => {}).resume());
    const { ask } = await connectionsTo(`${scheme}://${await listen(server)}`, limits);
    await expect(ask()).rejects.toThrow(error);
  });
});
