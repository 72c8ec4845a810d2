// Servers and disks that fail while an image is written.
import { describe, expect, it } from 'vitest';
import type { BlockFile } from '../../../src/sources/writing/block-file.ts';
import { pack, qcow2, sha256 } from '../images.ts';
import {
  canInstall,
  expectInstalled,
  expectUnbootable,
  install,
  makeImage,
  needs,
  usedDisk,
} from '../installing.ts';
import { MiB, thisHost, type ServedFile } from '../workplace.ts';

const image = canInstall ? makeImage(12) : Buffer.alloc(0);
const other = canInstall ? makeImage(12) : Buffer.alloc(0);

describe.skipIf(!canInstall)(`a server ${needs}`, () => {
  const packed = canInstall ? pack(image, 'zstd') : Buffer.alloc(0);
  const cuts = (): number[] => [MiB, 70_000, 0, 500_000, 1];

  it.each<[string, () => Partial<ServedFile>]>([
    ['that cuts, and goes on where it was asked to', () => ({})],
    ['that cuts and ignores ranges', () => ({ ranges: false })],
    ['that cuts and has no ETag', () => ({ etag: undefined })],
    ['that cuts and does not say how long the file is', () => ({ hasLength: false })],
    ['that has a weak ETag', () => ({ etag: 'W/"1"' })],
  ])('%s: the image is right', async (_, more) => {
    using disk = usedDisk();
    const { report, place } = await install(disk, { body: packed, cuts: cuts(), ...more() });
    expectInstalled(disk, image);
    expect(report.details).toMatchObject({ hash: `sha256:${sha256(packed)}` });
    expect(place.notes.filter((note) => note.includes('trying again')).length).toBeGreaterThan(4);
  });

  it('that restarts and answers 503 for a while: the image is right', async () => {
    using disk = usedDisk();
    const file: ServedFile = {
      body: packed,
      cuts: [MiB],
      before(_, response, count) {
        if (count < 2 || count > 5) return false;
        response.writeHead(503).end('restarting');
        return true;
      },
    };
    await install(disk, file);
    expectInstalled(disk, image);
  });

  it.each([true, false])(
    'that has another image after a cut (ranges: %s): the new one is there',
    async (ranges) => {
      using disk = usedDisk();
      const file: ServedFile = {
        body: packed,
        ranges,
        cuts: [MiB],
        before(_, __, count) {
          if (count === 2) file.body = pack(other, 'zstd');
          return false;
        },
      };
      const { place } = await install(disk, file);
      expectInstalled(disk, other);
      expect(place.notes.join('\n')).toContain('starting over');
    },
  );

  it('that changes a qcow2 image between its tables and its data: the new one is there', async () => {
    using disk = usedDisk();
    const file: ServedFile = {
      body: qcow2(image),
      cuts: [2 * MiB],
      before(request, _, count) {
        if (count > 4 && /^bytes=\d{6,}-$/.test(request.headers.range ?? ''))
          file.body = qcow2(other);
        return false;
      },
    };
    await install(disk, file);
    expectInstalled(disk, other);
  });

  it('that ignores ranges gives a qcow2 image all the same', async () => {
    using disk = usedDisk();
    await install(disk, { body: qcow2(image, '-c'), ranges: false });
    expectInstalled(disk, image);
  });

  it('that loses the image in the middle: the disk does not boot', async () => {
    using disk = usedDisk();
    const file: ServedFile = {
      body: packed,
      cuts: [MiB],
      before(_, response, count) {
        if (count === 1) return false;
        response.writeHead(404).end();
        return true;
      },
    };
    await expect(install(disk, file)).rejects.toMatchObject({ code: 'image.unreachable' });
    expectUnbootable(disk);
  });
});

describe.skipIf(!canInstall)(`a disk ${needs}`, () => {
  const faulty = (fault: (file: BlockFile) => Partial<BlockFile>) => {
    const host = thisHost();
    const openDisk: typeof host.openDisk = async (path, mode) => {
      const file = await host.openDisk(path, mode);
      const { sizeBytes, sectorBytes, isDirect } = file;
      const plain: BlockFile = {
        path,
        sizeBytes,
        sectorBytes,
        isDirect,
        read: (target, offset) => file.read(target, offset),
        write: (source, offset) => file.write(source, offset),
        sync: () => file.sync(),
        close: () => file.close(),
      };
      return { ...plain, ...fault(plain) };
    };
    return { ...host, openDisk };
  };

  it('that fails at one sector: the disk does not boot', async () => {
    using disk = usedDisk();
    const host = faulty((file) => ({
      async write(source, offset) {
        if (offset <= 8.5 * MiB && offset + source.length > 8.5 * MiB) throw new Error('EIO');
        await file.write(source, offset);
      },
    }));
    await expect(install(disk, { body: image }, {}, { host })).rejects.toThrow('EIO');
    expectUnbootable(disk);
  });

  it.each(['sampled', 'full'] as const)(
    'that loses what is written to it (%s): the disk does not boot',
    async (verify) => {
      using disk = usedDisk();
      const host = faulty((file) => ({
        async write(source, offset) {
          if (offset < 7 * MiB || offset >= 9 * MiB) await file.write(source, offset);
        },
      }));
      await expect(install(disk, { body: image }, { verify }, { host })).rejects.toMatchObject({
        code: 'disk.damaged',
      });
      expectUnbootable(disk);
    },
  );

  it('that loses the last writes alone: the disk does not boot', async () => {
    using disk = usedDisk();
    const host = faulty((file) => ({
      async write(source, offset) {
        const isTable = offset === 0 && source.some((byte) => byte !== 0);
        if (!isTable) await file.write(source, offset);
      },
    }));
    await expect(install(disk, { body: image }, {}, { host })).rejects.toMatchObject({
      code: 'disk.damaged',
    });
    expectUnbootable(disk);
  });

  it('that cannot be wiped after a failure is said to be one that may boot', async () => {
    using disk = usedDisk();
    let isDead = false;
    const host = faulty((file) => ({
      async write(source, offset) {
        isDead ||= offset >= 8 * MiB && offset < 9 * MiB;
        if (isDead) throw new Error('EIO');
        await file.write(source, offset);
      },
    }));
    await expect(install(disk, { body: image }, {}, { host })).rejects.toThrow('may boot');
  });

  it('is left so that it does not boot when the action is aborted', async () => {
    using disk = usedDisk();
    const abort = new AbortController();
    const file: ServedFile = {
      body: image,
      before(request, response) {
        response.writeHead(200, { 'content-length': image.length });
        response.write(image.subarray(0, 7 * MiB), () => {
          setTimeout(() => abort.abort(new Error('cancelled')), 200);
        });
        return request.method === 'GET';
      },
    };
    await expect(install(disk, file, {}, { signal: abort.signal })).rejects.toThrow('cancelled');
    expectUnbootable(disk);
  });
});
