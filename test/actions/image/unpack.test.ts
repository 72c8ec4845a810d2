import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpack } from '../../../src/actions/image/packing/unpack.ts';

const first = Buffer.concat([Buffer.from([0, 1, 2]), Buffer.alloc(700, 7)]);
const second = Buffer.alloc(300, 9);

/** The content of a packed image that comes in these parts, without a program to help. */
async function unpacked(parts: readonly Buffer[]): Promise<Buffer> {
  const source = (async function* source() {
    yield* parts;
  })();
  const { stream } = await unpack(source, undefined, (program) => {
    throw new Error(`nothing here is packed by ${program}`);
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The outcomes, wherever the connection cuts what it gives in two. */
async function outcomes(packed: Buffer): Promise<Set<unknown>> {
  const seen = new Set<unknown>();
  for (let at = 0; at <= packed.length; at += 1) {
    const parts = [packed.subarray(0, at), packed.subarray(at)];
    const [end] = await Promise.allSettled([unpacked(parts)]);
    seen.add(end.status === 'fulfilled' ? end.value.toString('hex') : Object(end.reason).code);
  }
  return seen;
}

it('frames of zstd to be skipped may stand anywhere, and are cut short as others are', async () => {
  const skipped = Buffer.from('\x53\x2a\x4d\x18\x05\0\0\0hello', 'latin1');
  const [one, two] = [zstdCompressSync(first), zstdCompressSync(second)];
  const packed = Buffer.concat([skipped, one, skipped, zstdCompressSync(Buffer.alloc(0)), two]);
  const whole = Buffer.concat([first, second]).toString('hex');
  expect(await outcomes(Buffer.concat([packed, skipped]))).toEqual(new Set([whole]));
  const cut = Buffer.concat([packed, skipped.subarray(0, -2)]);
  expect(await outcomes(cut)).toEqual(new Set(['image.damaged']));
});

describe.each([
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)('an image in several parts of %s', (kind, pack) => {
  const [one, two] = [pack(first), pack(second)];
  const both = Buffer.concat([one, two]);
  const zeroes = Buffer.alloc(16);

  it('comes out whole, wherever the connection cuts', async () => {
    expect(await outcomes(both)).toEqual(new Set([Buffer.concat([first, second]).toString('hex')]));
  });

  it.each([
    ['is followed by something else', Buffer.concat([both, Buffer.from('what is this?')])],
    ['is followed by something else behind zeroes', Buffer.concat([one, zeroes, two])],
    ['is cut short', both.subarray(0, -3)],
    ['is cut short in the header of a part', both.subarray(0, one.length + 5)],
  ])('is damaged where it %s', async (_what, packed) => {
    expect(await outcomes(packed)).toEqual(new Set(['image.damaged']));
  });

  it('may be padded with zeroes in gzip alone', async () => {
    const wanted = kind === 'gzip' ? first.toString('hex') : 'image.damaged';
    expect(await outcomes(Buffer.concat([one, zeroes]))).toEqual(new Set([wanted]));
  });
});
