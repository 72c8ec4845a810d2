import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { MemoryServer, startLoop } from '../transport/memory-server.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

function heapBytes(): number {
  if (typeof collectGarbage !== 'function') throw new Error('no gc()');
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('half an hour of heartbeats each second, every fifth request in trouble', () => {
  it('leaves one machine, no gap and no more memory in use than before', async () => {
    const server = new MemoryServer();
    server.intervalSeconds = 1;
    const agent = startLoop({ transport: server, onState: () => {} });
    let count = 0;
    const minutes = async (number: number): Promise<void> => {
      for (let i = 0; i < number * 60; i++) {
        count += 1;
        server.fault = count % 5 > 0 ? 'none' : count % 2 > 0 ? 'unreachable' : 'answer lost';
        await agent.clock.advance(1_000);
        server.received.length = 0;
      }
      server.fault = 'none';
      await agent.clock.advance(60_000);
      server.received.length = 0;
    };
    await minutes(10);
    const before = heapBytes();
    await minutes(20);
    const grown = heapBytes() - before;
    await agent.stop();
    expect(server.machines.size).toBe(1);
    const expected = Array.from({ length: server.actedOn.length }, (_, i) => i + 1);
    expect(server.actedOn).toEqual(expected);
    expect(server.actedOn.length).toBeGreaterThan(1_000);
    expect(grown).toBeLessThan(1024 * 1024);
  });
});
