// TFTP without sockets: packets, options, and every order in which acknowledgements may come.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPacket } from '../../../src/netboot/tftp/packet.ts';
import { agree, Transfer, type Blocks } from '../../../src/netboot/tftp/transfer.ts';

const options = (entries: Record<string, string>) => new Map(Object.entries(entries));
const transfer = (entries: Record<string, string>, sizeBytes: number): Transfer =>
  new Transfer(agree(options(entries), sizeBytes), sizeBytes);

describe('options', () => {
  it('are taken within limits, and those that make no sense are left out', () => {
    const agreed = (entries: Record<string, string>) => {
      const { blockBytes, window, confirmed } = agree(options(entries), 1234);
      return [blockBytes, window, Object.fromEntries(confirmed)];
    };
    expect(agreed({})).toEqual([512, 1, {}]);
    expect(agreed({ blksize: '1432', tsize: '0' })).toEqual([
      1432,
      1,
      { blksize: '1432', tsize: '1234' },
    ]);
    expect(agreed({ blksize: '65464', windowsize: '65535' })).toEqual([
      1468,
      32,
      { blksize: '1468', windowsize: '32' },
    ]);
    for (const junk of ['', '0', '7', '-1', '1e3', '0x200', ' 512', '999999', 'a\u0000b']) {
      expect(agreed({ blksize: junk, tsize: '1', timeout: junk, multicast: '' })).toEqual([
        512,
        1,
        {},
      ]);
    }
  });
});

describe('a transfer', () => {
  it('begins with the options where there are any, else with the first block', () => {
    const plain = transfer({}, 600);
    expect([plain.isOpening, plain.window]).toEqual([false, [1, 1]]);
    const agreed = transfer({ blksize: '512' }, 600);
    expect([agreed.isOpening, agreed.window]).toEqual([true, undefined]);
    expect(agreed.acknowledge(1)).toBeUndefined();
    expect(agreed.acknowledge(0)).toEqual([1, 1]);
  });

  it.each([
    [0, 1],
    [511, 1],
    [512, 2],
    [513, 2],
    [1024, 3],
  ])('of %i bytes takes %i blocks, the last one shorter', (sizeBytes, blocks) => {
    const state = transfer({}, sizeBytes);
    for (let block = 1; block < blocks; block += 1) {
      expect(state.acknowledge(block)).toEqual([block + 1, block + 1]);
    }
    expect(state.isOver).toBe(false);
    expect(state.acknowledge(blocks)).toBeUndefined();
    expect(state.isOver).toBe(true);
  });

  it('answers an acknowledgement that came twice only once', () => {
    const state = transfer({}, 5000);
    expect(state.acknowledge(1)).toEqual([2, 2]);
    expect(state.acknowledge(1)).toBeUndefined();
    expect(state.acknowledge(0)).toBeUndefined();
    expect(state.acknowledge(3)).toBeUndefined();
    expect(state.window).toEqual([2, 2]);
  });

  it('goes on after the block that arrived last where one of a window was lost', () => {
    const state = transfer({ windowsize: '4' }, 512 * 20);
    expect(state.acknowledge(0)).toEqual([1, 4]);
    expect(state.acknowledge(2)).toEqual([3, 6]);
    // All of a window, or its first block.
    expect(state.acknowledge(2)).toEqual([3, 6]);
    expect(state.acknowledge(2)).toBeUndefined();
    expect(state.acknowledge(6)).toEqual([7, 10]);
  });

  it('counts on beyond 65,535 blocks', () => {
    const state = transfer({}, 512 * 70_000);
    for (let block = 1; block <= 70_000; block += 1) {
      expect(state.acknowledge(block & 0xff_ff)).toEqual([block + 1, block + 1]);
    }
    expect(state.acknowledge(70_001 & 0xff_ff)).toBeUndefined();
    expect(state.isOver).toBe(true);
  });

  it('brings the file over any network that loses, doubles and disorders packets', () => {
    const network = fc.record({
      sizeBytes: fc.nat(40_000),
      window: fc.integer({ min: 1, max: 8 }),
      fates: fc.array(fc.constantFrom('arrives', 'is lost', 'is doubled', 'is late'), {
        maxLength: 200,
      }),
    });
    fc.assert(
      fc.property(network, ({ sizeBytes, window, fates }) => {
        const { received, sent, blocks } = carry(sizeBytes, window, fates);
        expect(received).toBe(blocks);
        // A doubled packet must not double all that follows it.
        const isWhole = fates.every((fate) => fate === 'arrives' || fate === 'is doubled');
        expect(isWhole && sent > (blocks + 1) * (window + 2) * 2).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

/** A client that takes blocks in order, and a network of which each packet has the next fate. All that follow
 *  arrive. */
function carry(sizeBytes: number, window: number, fates: readonly string[]) {
  const state = transfer({ windowsize: String(window) }, sizeBytes);
  const blocks = Math.floor(sizeBytes / 512) + 1;
  let [received, sent, turn, late] = [0, 0, 0, [] as number[]];
  const fate = (): string => fates[turn++] ?? 'arrives';
  const acks: number[] = [];
  const deliver = (block: number): void => {
    if (block === received + 1) received = block;
    // At the end of a window, at the end of the file, and on anything out of order.
    if (block !== received || block % window === 0 || block === blocks) acks.push(received);
  };
  const send = (range: Blocks): void => {
    const [first, last] = range ?? [1, 0];
    for (let block = first; block <= last; block += 1) {
      sent += 1;
      const what = fate();
      if (what === 'arrives' || what === 'is doubled') deliver(block);
      if (what === 'is doubled') deliver(block);
      if (what === 'is late') late.push(block);
    }
  };
  send(state.acknowledge(0));
  for (let step = 0; step < 20_000; step += 1) {
    if (received === blocks) break;
    const ack = acks.shift();
    if (ack !== undefined) {
      const what = fate();
      if (what !== 'is lost') send(state.acknowledge(ack & 0xff_ff));
      if (what === 'is doubled') send(state.acknowledge(ack & 0xff_ff));
    } else if (late.length > 0) {
      const blocksLate = late;
      late = [];
      for (const block of blocksLate) deliver(block);
    } else {
      // Nothing is on the way: the server's patience ends.
      send(state.window);
    }
  }
  return { received, sent, blocks };
}

describe('hostile packets', () => {
  it('are nothing, and never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(6), (noise, code) => {
        const packet = readPacket(Buffer.concat([Buffer.from([0, code]), noise]));
        const isWhole = code === 1 || code === 2 ? noise.at(-1) === 0 : code === 4 || code === 5;
        expect(packet === undefined || isWhole).toBe(true);
        readPacket(noise);
      }),
      { numRuns: 500 },
    );
  });

  it('with a name that never ends, an option without a value or no name at all are nothing', () => {
    const read = (text: string) => readPacket(Buffer.from(`\0\x01${text}`, 'latin1'));
    expect(read('file\0octet\0')).toMatchObject({ kind: 'read', file: 'file', mode: 'octet' });
    for (const text of [
      'file\0octet',
      '\0octet\0',
      'file\0\0',
      'file\0octet\0blksize\0',
      `${'a'.repeat(600)}\0octet\0`,
    ]) {
      expect(read(text)).toBeUndefined();
    }
  });
});
