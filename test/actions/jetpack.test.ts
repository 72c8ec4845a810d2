import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/actions/action.ts';
import { jetpack } from '../../src/actions/jetpack.ts';
import { sha256 } from './images.ts';
import { canInstall, needs } from './installing.ts';
import { onPartition, systemDisk } from './systems.ts';
import { fileServer, workplace, type ServedFile } from './workplace.ts';

const program = Buffer.from(
  '#!/bin/sh\necho "$@" > /root/ran; echo one; echo two >&2; exit "${CODE:-0}"\n',
);
const url = 'https://admin:secret@example.com/play.tar.gz';

async function play(
  disk: { readonly path: string },
  files: Record<string, ServedFile>,
  more: Partial<Fields<'jetpack'>> = { binary_url: 'jetpack' },
) {
  await using server = await fileServer(files);
  const place = workplace(disk.path, { server: server.url });
  const { binary_url: name } = more;
  const fields = {
    ...more,
    ...(name === undefined ? {} : { binary_url: `${server.url}/${name}` }),
  };
  const report = jetpack.run({ action: 'jetpack', url, ...fields }, place);
  return { place, report: await report, requests: server.requests };
}

describe.skipIf(!canInstall)(`jetpack ${needs}`, () => {
  it('runs in the system on the disk, and tells what it printed', async () => {
    using disk = systemDisk();
    const { report, place } = await play(
      disk,
      { jetpack: { body: program } },
      { binary_url: 'jetpack', checksum: sha256(program) },
    );
    expect(report.details).toEqual({
      device: `${disk.path}p2`,
      has_checksum: true,
      output: expect.stringMatching(/^(one\ntwo|two\none)$/),
    });
    expect(place.progressed).not.toEqual([]);
    onPartition(disk.path, 2, (top) => {
      expect(readFileSync(join(top, 'root/ran'), 'utf8')).toBe(`pull --url ${url}\n`);
      expect(existsSync(join(top, 'run/dragonfly-jetpack'))).toBe(false);
    });
  });

  it('is taken from the server where the template names no other place', async () => {
    using disk = systemDisk();
    const name = `images/jetpack-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}`;
    const { requests } = await play(disk, { [name]: { body: program } }, {});
    expect(requests).toEqual([name]);
    await expect(play(disk, {}, {})).rejects.toMatchObject({
      code: 'image.unreachable',
      message: expect.stringContaining('add it to its images'),
    });
  });

  it('is not run when it is not what its checksum names', async () => {
    using disk = systemDisk();
    const more = { binary_url: 'jetpack', checksum: sha256(Buffer.from('another one')) };
    await expect(play(disk, { jetpack: { body: program } }, more)).rejects.toMatchObject({
      code: 'image.damaged',
    });
    onPartition(disk.path, 2, (top) => expect(existsSync(join(top, 'root/ran'))).toBe(false));
  });

  it('that fails says its last lines, and no password', async () => {
    using disk = systemDisk();
    const failing = Buffer.from('#!/bin/sh\necho no such host; exit 3\n');
    await expect(play(disk, { jetpack: { body: failing } })).rejects.toMatchObject({
      code: 'exec.failed',
      message: 'jetpack pull failed',
      details: { output: ['no such host'], code: 3 },
    });
  });
});

it.each([
  [{ url: '--help' }, 'must be a URL'],
  [{ url: 'a b' }, 'must be a URL'],
  [{ binary_url: 'ftp://x/y' }, 'must begin with http'],
  [{ checksum: 'md5:00' }, 'checksum'],
])('jetpack refuses %o before anything is done', (more, message) => {
  expect(() => jetpack.check?.({ action: 'jetpack', url, ...more })).toThrow(message);
});
