import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { filePathOf, findChecksum } from '../../../src/actions/image/fetching/checksum.ts';
import { parseChecksum } from '../../../src/model/image/checksum.ts';
import { Digests } from '../../../src/actions/image/digests.ts';
import { recognise } from '../../../src/model/image/kind.ts';
import { parseZstdFrame, zstdFrameLength } from '../../../src/actions/image/packing/zstd-frame.ts';

const bytes = (text: string): Buffer => Buffer.from(text.padEnd(512, '\0'), 'latin1');

describe('recognising an image', () => {
  it.each([
    ['QFI\xfb\0\0\0\x03', 'qcow2'],
    ['\x1f\x8b\x08', 'gzip'],
    ['\xfd7zXZ\0', 'xz'],
    ['\x28\xb5\x2f\xfd', 'zstd'],
    ['\x50\x2a\x4d\x18', 'zstd'],
    ['BZh91AY&SY', 'bzip2'],
    [`${'disk.raw'.padEnd(257, '\0')}ustar\0`, 'tar'],
    [`${'disk.raw'.padEnd(257, '\0')}ustar  `, 'tar'],
    ['\xeb\x63\x90', 'raw'],
    // A boot sector may begin with any instruction.
    ['\x5d\0\0\x80\0\xe8\xff\xff\xff\xe8\xff\xff\xff', 'raw'],
    ['BZh is how this boot sector begins', 'raw'],
    ['', 'raw'],
  ])('%j… is %s', (head, kind) => {
    expect(recognise(bytes(head))).toBe(kind);
  });

  it.each([
    ['KDMV', 'VMDK'],
    ['vhdxfile', 'VHDX'],
    ['PK\x03\x04', 'zip'],
    ['  <!doctype HTML>', 'web page'],
    ['<?xml version="1.0"?>', 'web page'],
    [`${'a'.repeat(64)}  disk.raw`, 'checksum'],
    ['-----BEGIN PGP SIGNED MESSAGE-----', 'signature'],
    ['version https://git-lfs.github.com/spec/v1\n', 'Git LFS'],
    ['LUKS\xba\xbe\0\x02', 'encrypted (LUKS)'],
    ['MSWIM\0\0\0', 'WIM'],
    ['\x7fELF\x02', 'a program'],
    ['hsqs\x01', 'squashfs'],
    ['070701', 'cpio'],
    ['!<arch>\ndebian-binary\0', 'package'],
    ['\xed\xab\xee\xdb', 'package'],
    ['\x89LZO\0\r\n', 'lzop'],
    ['\x1f\x9d\x90', 'compress'],
    ['\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff', 'lzma'],
    ['\x5d\0\0\0\x04\0\0\0\x40\0\0\0\0', 'lzma'],
  ])('%j… is refused', (head, what) => {
    expect(recognise(bytes(head))).toEqual({ unsupported: expect.stringContaining(what) });
  });
});

it.each(['{"error":"no such image"}', 'Überlastet\n', `${'x'.repeat(511)}\n`])(
  'a text is no image: %j',
  (text) => {
    expect(recognise(Buffer.from(text))).toEqual({ unsupported: 'a text' });
    expect(recognise(bytes(`${text.slice(0, 100)}\x55\xaa`))).toBe('raw');
  },
);

describe('the header of a zstd frame', () => {
  it('says the window and, where there is one, the size', () => {
    const small = zstdCompressSync(Buffer.alloc(1000, 'x'));
    expect(parseZstdFrame(small)).toEqual({ windowBytes: 1000, contentBytes: 1000 });
    // Version 1, window 2^17 × 1.25, no size: written by hand.
    const streamed = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (7 << 3) | 2]);
    expect(parseZstdFrame(streamed)).toEqual({ windowBytes: 163_840, contentBytes: undefined });
    expect(parseZstdFrame(small.subarray(0, 5))).toBeUndefined();
    expect(parseZstdFrame(Buffer.from('\x50\x2a\x4d\x18aaaa', 'latin1'))).toBeUndefined();
  });

  it('leads to where the frame ends', () => {
    for (const size of [0, 1, 300, 70_000, 400_000]) {
      const data = Buffer.from(Array.from({ length: size }, (_, i) => (i * i) >> 5));
      const frame = zstdCompressSync(data);
      expect(zstdFrameLength(Buffer.concat([frame, frame]))).toBe(frame.length);
      expect(zstdFrameLength(frame.subarray(0, -1))).toBeUndefined();
    }
  });
});

describe('a checksum', () => {
  const [a, b] = ['a'.repeat(64), 'b'.repeat(128)];

  it.each([
    [a, { algorithm: 'sha256', hex: a }],
    [`sha256:${a.toUpperCase()}`, { algorithm: 'sha256', hex: a }],
    [` sha512:${b}\n`, { algorithm: 'sha512', hex: b }],
    [b, { algorithm: 'sha512', hex: b }],
    ['https://host/SHA256SUMS', { url: 'https://host/SHA256SUMS' }],
  ])('%s is understood', (text, checksum) => {
    expect(parseChecksum(text)).toEqual(checksum);
  });

  it.each([
    '',
    'sha256:',
    `sha512:${a}`,
    'd41d8cd98f00b204e9800998ecf8427e',
    'file:///etc/passwd',
    `${a}g`,
  ])('%j is refused', (text) => {
    expect(() => parseChecksum(text)).toThrow('checksum must be');
  });

  it('is found in a file of many by the name of the image', () => {
    const list = [
      '-----BEGIN PGP SIGNED MESSAGE-----',
      `${a}  debian-12.qcow2`,
      `${'c'.repeat(64)} *./path/debian-12.raw`,
      `SHA512 (debian-12.iso) = ${b}`,
    ].join('\n');
    expect(findChecksum(list, 'debian-12.qcow2')?.hex).toBe(a);
    expect(findChecksum(list, 'debian-12.raw')?.hex).toBe('c'.repeat(64));
    expect(findChecksum(list, 'debian-12.iso')).toEqual({ algorithm: 'sha512', hex: b });
    expect(findChecksum(list, 'debian')).toBeUndefined();
  });

  it('that stands alone is about the one file', () => {
    expect(findChecksum(`${a}\n`, 'anything')?.hex).toBe(a);
    expect(findChecksum(`${a}\n${a}\n`, 'anything')).toBeUndefined();
  });

  it('of a file with the same name in another folder is another one', () => {
    const [arm, amd] = ['1'.repeat(64), '2'.repeat(64)];
    const list = `${arm}  ./arm64/disk.raw\n${amd} *./amd64/disk.raw\n`;
    expect(findChecksum(list, '/debian/amd64/disk.raw')?.hex).toBe(amd);
    expect(findChecksum(list, '/debian/arm64/disk.raw')?.hex).toBe(arm);
    expect(findChecksum(`${arm}  /build/x/disk.raw\n`, '/debian/disk.raw')?.hex).toBe(arm);
    expect(findChecksum(list, '/debian/amd64/disk.iso')).toBeUndefined();
  });

  it('is read as OpenSSL writes it, and without a name as from a pipe', () => {
    expect(findChecksum(`SHA2-256(disk.raw)= ${a}\n`, '/disk.raw')?.hex).toBe(a);
    expect(findChecksum(`SHA512(disk.raw)= ${b}\r\n`, '/disk.raw')?.hex).toBe(b);
    expect(findChecksum(`${a}  -\n`, '/disk.raw')?.hex).toBe(a);
    expect(findChecksum(`${a}  -\n${a}  other.raw\n`, '/disk.raw')).toBeUndefined();
  });

  it('is looked for by the path of the URL', () => {
    expect(filePathOf('https://host/images/debian%2B12.raw?x=/y#z')).toBe('/images/debian+12.raw');
    expect(filePathOf('https://host/%E0%A4%A')).toBe('/%E0%A4%A');
  });
});

describe('the digests of what was written', () => {
  const MiB = 1024 * 1024;
  const unit = 65_536;
  const block = Buffer.from(Array.from({ length: MiB / 4 }, (_, i) => i * 7919)).fill(1, 0, unit);

  it('are the same in whatever order the parts came, zeroes left out', () => {
    const [whole, parts] = [new Digests(unit), new Digests(unit)];
    const full = Buffer.concat([block, Buffer.alloc(MiB - block.length)]);
    whole.written(70 * 1024 * MiB, full);
    for (let at = block.length - unit; at >= 0; at -= unit) {
      parts.written(70 * 1024 * MiB + at, block.subarray(at, at + unit));
    }
    expect([whole, parts].map((d) => d.matches(70 * 1024 * MiB, full))).toEqual([true, true]);
  });

  it('tell a changed byte, a lost part and parts that changed places', () => {
    const digests = new Digests(unit);
    digests.written(5 * MiB, block);
    const changed = Buffer.from(block);
    changed[100_000] = (changed[100_000] ?? 0) ^ 1;
    const swapped = Buffer.concat([
      block.subarray(unit, 2 * unit),
      block.subarray(0, unit),
      block.subarray(2 * unit),
    ]);
    expect(digests.matches(5 * MiB, block)).toBe(true);
    expect(digests.matches(5 * MiB, changed)).toBe(false);
    expect(digests.matches(5 * MiB, swapped)).toBe(false);
    expect(digests.matches(5 * MiB, Buffer.alloc(MiB))).toBe(false);
    expect(digests.matches(6 * MiB, Buffer.alloc(MiB))).toBe(true);
  });
});
