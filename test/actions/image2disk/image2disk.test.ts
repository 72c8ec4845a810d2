import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { image2disk } from '../../../src/actions/image2disk.ts';
import { loopDisk } from '../../sources/writing/loop.ts';
import { pack, qcow2, scratch, sha256, tar } from '../images.ts';
import { canInstall, expectInstalled, install, makeImage, needs, usedDisk } from '../installing.ts';
import { MiB, thisHost } from '../workplace.ts';

const image = canInstall ? makeImage(12) : Buffer.alloc(0);

describe.skipIf(!canInstall)(`image2disk ${needs}`, () => {
  it.each<[string, () => Buffer]>([
    ['a raw image', () => image],
    ['gzip', () => pack(image, 'gzip', '-1')],
    [
      'gzip in two members',
      () =>
        Buffer.concat([
          pack(image.subarray(0, 5 * MiB), 'gzip', '-1'),
          pack(image.subarray(5 * MiB), 'gzip', '-1'),
        ]),
    ],
    ['xz', () => pack(image, 'xz', '-0')],
    [
      'xz in two streams, padded',
      () =>
        Buffer.concat([
          pack(image.subarray(0, 5 * MiB), 'xz', '-0'),
          Buffer.alloc(8),
          pack(image.subarray(5 * MiB), 'xz', '-0'),
        ]),
    ],
    ['zstd', () => pack(image, 'zstd', '-1')],
    ['bzip2', () => pack(image, 'bzip2', '-1')],
    ['a tar archive', () => tar('disk.raw', image)],
    ['a sparse tar archive of GNU', () => tar('disk.raw', image, '--sparse', '--format=oldgnu')],
    ['a sparse tar archive of POSIX', () => tar('disk.raw', image, '--sparse', '--format=posix')],
    ['tar in gzip', () => pack(tar('disk.raw', image), 'gzip', '-1')],
    ['qcow2', () => qcow2(image)],
    ['qcow2 with compressed clusters', () => qcow2(image, '-c')],
    ['qcow2 with clusters of zstd', () => qcow2(image, '-c', '-o', 'compression_type=zstd')],
    ['qcow2 with small clusters', () => qcow2(image, '-o', 'cluster_size=4096')],
    ['qcow2 with large clusters', () => qcow2(image, '-c', '-o', 'cluster_size=2M')],
    ['qcow2 of version 2', () => qcow2(image, '-o', 'compat=0.10')],
    ['qcow2 in gzip', () => pack(qcow2(image), 'gzip', '-1')],
    ['qcow2 in tar in zstd', () => pack(tar('disk.qcow2', qcow2(image, '-c')), 'zstd')],
  ])('installs %s', async (_, packed) => {
    using disk = usedDisk();
    const body = packed();
    const { report } = await install(disk, { body }, { checksum: sha256(body) });
    expectInstalled(disk, image);
    expect(report.details).toMatchObject({
      bytes: image.length,
      fetched_bytes: body.length,
      hash: `sha256:${sha256(body)}`,
      has_checksum: true,
      read_back: 'full',
      gpt_moved: true,
      disk_serial: 'L00P',
    });
  });

  it('installs on a disk of exactly the image’s size', async () => {
    using disk = usedDisk(image.length);
    await install(disk, { body: image });
    expectInstalled(disk, image);
  });

  it('installs an image made for sectors of 4096 bytes on a disk that has them', async () => {
    using disk = usedDisk(20 * MiB, 4096);
    const image4k = makeImage(12, 4096);
    await install(disk, { body: pack(image4k, 'zstd') });
    expectInstalled(disk, image4k, 4096);
  });

  it('makes the kernel see the partitions of the image', async () => {
    using disk = usedDisk();
    await install(disk, { body: image });
    const { root } = thisHost();
    const name = disk.path.slice('/dev/'.length);
    expect(await root.text(`/sys/class/block/${name}/${name}p1/size`)).toBe(`${(2 * MiB) / 512}\n`);
  });

  it('reads the checksum from a file of many, and says where there was none', async () => {
    using disk = usedDisk();
    const list = `${'0'.repeat(64)}  other\n${sha256(image)} *image\n`;
    const files = { image: { body: image }, SHA256SUMS: { body: Buffer.from(list) } };
    const known = await install(disk, files, { checksum: 'SHA256SUMS' });
    expect(known.report.details).toMatchObject({ has_checksum: true });
    const unknown = await install(disk, { body: image });
    expect(unknown.report.details).toMatchObject({ has_checksum: false });
    expect(unknown.report.message).toContain('without a checksum');
  });

  it('writes what a sparse image holds and leaves its holes alone', async () => {
    using disk = loopDisk(2048 * MiB);
    const sparse = Buffer.alloc(1024 * MiB);
    image.copy(sparse, 0, 0, 2 * MiB);
    image.copy(sparse, 700 * MiB, 2 * MiB, 10 * MiB);
    const { report } = await install(disk, { body: pack(sparse, 'zstd', '-1') });
    const content = 2 * MiB + 8 * MiB;
    expect(report.details).toMatchObject({ bytes: sparse.length });
    expect(Number(report.details?.['written_bytes'])).toBeLessThan(content * 1.1 + 3 * MiB);
  });

  it('writes zeroes where the disk has no other way, over what was there', async () => {
    using disk = usedDisk();
    const host = thisHost();
    const run: typeof host.run = (program, args, options) =>
      host.run(args.includes('fallocate') ? 'false' : program, args, options);
    for (const body of [image, qcow2(image)]) {
      const { report } = await install(disk, { body }, {}, { host: { ...host, run } });
      expectInstalled(disk, image);
      expect(Number(report.details?.['written_bytes'])).toBe(12 * MiB);
    }
  });

  it('has the disk locked while a program zeroes it', async () => {
    using disk = usedDisk();
    using files = scratch();
    const [program, log] = [files.path('fallocate'), files.path('log')];
    const look = `flock --nonblock ${disk.path} true; echo $? >> ${log}`;
    writeFileSync(program, `#!/bin/sh\n${look}\nexec fallocate "$@"\n`, { mode: 0o755 });
    const host = thisHost();
    const run: typeof host.run = (name, args, options) =>
      host.run(
        name,
        args.map((arg) => (arg === 'fallocate' ? program : arg)),
        options,
      );
    await install(disk, { body: image }, {}, { host: { ...host, run } });
    expect(readFileSync(log, 'utf8')).toMatch(/^(?:1\n)+$/);
  });

  it('tells how far it is', async () => {
    using disk = usedDisk();
    const { place } = await install(disk, { body: image });
    const [first] = place.progressed;
    expect(first).toMatchObject({ bytes_total: image.length });
    expect(place.progressed.every(({ percent = 0 }) => percent >= 0 && percent < 100)).toBe(true);
  });
});

it.each([
  [{ url: 'ftp://host/image' }, 'http'],
  [{ url: 'image.raw' }, 'http'],
  [{ url: 'http://host/image', checksum: 'md5:d41d8cd98f00b204e9800998ecf8427e' }, 'checksum'],
  [{ url: 'http://host/image', checksum: 'sha512:abcd' }, 'checksum'],
])('image2disk refuses %o before anything is done', (fields, what) => {
  expect(() => image2disk.check?.({ action: 'image2disk', ...fields })).toThrow(what);
});

it('image2disk takes an empty checksum for none', () => {
  const fields = { url: 'http://host/image', checksum: '' };
  expect(() => image2disk.check?.({ action: 'image2disk', ...fields })).not.toThrow();
});
