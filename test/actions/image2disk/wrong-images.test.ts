// Images that are refused, or turn out to be wrong: nothing that boots is left.
import { describe, expect, it } from 'vitest';
import { pack, qcow2, sha256, tar } from '../images.ts';
import {
  canInstall,
  expectInstalled,
  expectUnbootable,
  install,
  makeImage,
  needs,
  untouched,
  usedDisk,
} from '../installing.ts';
import { give, MiB, type ServedFile } from '../workplace.ts';

const image = canInstall ? makeImage(12) : Buffer.alloc(0);

describe.skipIf(!canInstall)(`nothing is written ${needs}`, () => {
  it.each<[string, string, () => Buffer]>([
    [
      'one sector too large',
      'disk.mismatch',
      () => Buffer.concat([makeImage(20), Buffer.alloc(512)]),
    ],
    [
      'too large by what its frame says',
      'disk.mismatch',
      () => pack(Buffer.alloc(21 * MiB), 'zstd', '--stream-size=22020096'),
    ],
    ['too large in qcow2', 'disk.mismatch', () => qcow2(Buffer.alloc(21 * MiB))],
    ['too large by its partitions', 'disk.mismatch', () => pack(makeImage(30), 'gzip', '-1')],
    ['made for other sectors', 'disk.mismatch', () => makeImage(12, 4096)],
    ['made for other sectors, in qcow2', 'disk.mismatch', () => qcow2(makeImage(12, 4096))],
    ['a web page', 'image.unsupported', () => Buffer.from('<!DOCTYPE html><p>Log in')],
    ['a VMDK', 'image.unsupported', () => Buffer.from(`KDMV${'\0'.repeat(1000)}`)],
    [
      'a zip archive in gzip',
      'image.unsupported',
      () => pack(Buffer.from(`PK\x03\x04${'\0'.repeat(1000)}`), 'gzip'),
    ],
    ['empty', 'image.damaged', () => Buffer.alloc(0)],
    [
      'an answer of a server that has none',
      'image.unsupported',
      () => Buffer.from('{"error":404}'),
    ],
    [
      'packed with too large a window behind a frame to be skipped',
      'image.unsupported',
      () =>
        Buffer.concat([
          Buffer.from('\x50\x2a\x4d\x18\0\0\0\0', 'latin1'),
          pack(image, 'zstd', '--long=27', '--no-check'),
        ]),
    ],
    [
      'packed with too large a dictionary',
      'image.unsupported',
      () => pack(image, 'xz', '--lzma2=preset=0,dict=128MiB'),
    ],
    [
      'packed with too large a window',
      'image.unsupported',
      () => pack(image, 'zstd', '--long=27', '--no-check'),
    ],
    ['an archive without an image', 'image.unsupported', () => tar('notes', Buffer.from('x'))],
    ['qcow2 with a backing file', 'image.unsupported', () => withBackingFile(qcow2(image))],
    ['qcow2 with data in another file', 'image.unsupported', () => patched(qcow2(image), 79, 4)],
    ['qcow2 that is encrypted', 'image.unsupported', () => patched(qcow2(image), 35, 2)],
    ['qcow2 that is marked as corrupt', 'image.damaged', () => patched(qcow2(image), 79, 2)],
    ['qcow2 that is cut short', 'image.damaged', () => cut(qcow2(image, '-c'), 300_000)],
    ['qcow2 whose parts overlap', 'image.unsupported', () => overlapping(qcow2(image))],
    ['qcow2 whose table lies outside of it', 'image.damaged', () => patched(qcow2(image), 42, 1)],
  ])('when the image is %s', async (_, code, body) => {
    using disk = usedDisk();
    const expectUntouched = untouched(disk);
    await expect(install(disk, { body: body() })).rejects.toMatchObject({ code });
    expectUntouched();
  });

  it('when the server does not have it', async () => {
    using disk = usedDisk();
    const expectUntouched = untouched(disk);
    await expect(install(disk, {})).rejects.toMatchObject({ code: 'image.unreachable' });
    expectUntouched();
  });

  it('when the file of checksums does not name it', async () => {
    using disk = usedDisk();
    const expectUntouched = untouched(disk);
    const files = { image: { body: image }, SHA256SUMS: { body: Buffer.from('') } };
    await expect(install(disk, files, { checksum: 'SHA256SUMS' })).rejects.toMatchObject({
      code: 'image.damaged',
    });
    expectUntouched();
  });

  it('when nothing would tell a cut image from a whole one', async () => {
    using disk = usedDisk();
    const expectUntouched = untouched(disk);
    const file: ServedFile = { body: image, before: untilClosed };
    await expect(install(disk, file)).rejects.toMatchObject({ code: 'image.unsupported' });
    expectUntouched();
    await install(disk, file, { checksum: sha256(image) });
    expectInstalled(disk, image);
  });
});

describe.skipIf(!canInstall)(`an image that turns out to be wrong ${needs}`, () => {
  it.each<[string, () => Buffer]>([
    ['gzip cut short', () => cut(pack(image, 'gzip', '-1'))],
    ['xz cut short', () => cut(pack(image, 'xz', '-0'))],
    [
      'xz with something behind it',
      () => Buffer.concat([pack(image, 'xz', '-0'), Buffer.from('what is this?')]),
    ],
    [
      'zstd whose second frame has too large a window',
      () =>
        Buffer.concat([
          pack(image.subarray(0, MiB), 'zstd'),
          pack(image.subarray(MiB), 'zstd', '--long=27', '--no-check'),
        ]),
    ],
    ['zstd cut short', () => cut(pack(image, 'zstd'))],
    [
      'zstd with something behind it',
      () => Buffer.concat([pack(image, 'zstd'), Buffer.from('what is this?')]),
    ],
    ['bzip2 cut short', () => cut(pack(image, 'bzip2', '-1'))],
    [
      'bzip2 with something behind it',
      () => Buffer.concat([pack(image, 'bzip2', '-1'), Buffer.from('what is this?')]),
    ],
    ['tar cut short', () => tar('disk.raw', image).subarray(0, 7 * MiB)],
    ['tar without its end', () => tar('disk.raw', image).subarray(0, image.length + 512)],
    ['tar with two images', () => twoInTar()],
    ['qcow2 in gzip cut short', () => pack(cut(qcow2(image, '-c'), 300_000), 'gzip', '-1')],
    ['gzip with a flipped bit', () => flipped(pack(image, 'gzip', '-1'))],
    ['xz with a flipped bit', () => flipped(pack(image, 'xz', '-0'))],
  ])('leaves a disk that does not boot: %s', async (_, body) => {
    using disk = usedDisk();
    await expect(install(disk, { body: body() })).rejects.toMatchObject({
      code: expect.stringMatching(/^image\./),
    });
    expectUnbootable(disk);
  });

  it('leaves a disk that does not boot when its checksum is another one', async () => {
    using disk = usedDisk();
    await expect(
      install(disk, { body: flipped(image) }, { checksum: sha256(image) }),
    ).rejects.toMatchObject({
      code: 'image.damaged',
      message: expect.stringContaining('checksum'),
    });
    expectUnbootable(disk);
  });
});

/** Sends the file without a length, and closes the connection at its end. */
const untilClosed: NonNullable<ServedFile['before']> = (request, response) => {
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  give({ body: image, hasLength: false, etag: undefined }, request, response);
  return true;
};

function cut(bytes: Buffer, by = 100): Buffer {
  return bytes.subarray(0, bytes.length - by);
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = Math.floor(copy.length / 2);
  copy[at] = (copy[at] ?? 0) ^ 4;
  return copy;
}

function patched(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

function withBackingFile(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeBigUInt64BE(512n, 8);
  copy.writeUInt32BE(11, 16);
  copy.write('/etc/shadow', 512);
  return copy;
}

/** Two clusters of the disk lie at one place of the file. */
function overlapping(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const l1 = Number(copy.readBigUInt64BE(40));
  const l2 = Number(copy.readBigUInt64BE(l1) & 0xff_ffff_ffff_fe00n);
  copy.writeBigUInt64BE(copy.readBigUInt64BE(l2), l2 + 8 * 20);
  return copy;
}

function twoInTar(): Buffer {
  return Buffer.concat([tar('a.raw', image).subarray(0, 512 + image.length), tar('b.raw', image)]);
}
