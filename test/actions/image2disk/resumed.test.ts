// An agent that is killed while it writes an image, and started again: in the same boot it goes on where the disk has
// what was written, and takes nothing on trust.
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { LoopDisk } from '../../sources/writing/loop.ts';
import { agent } from './agent-process.ts';
import { pack, qcow2, scratch, sha256 } from '../images.ts';
import { canInstall, expectInstalled, makeImage, needs, usedDisk } from '../installing.ts';
import { fileServer, MiB, type FileServer, type ServedFile } from '../workplace.ts';

const imageMiB = 24;
/** At least so much is on the disk when the agent is killed. */
const reachedMiB = 6;
const image = canInstall ? makeImage(imageMiB) : Buffer.alloc(0);
const other = canInstall ? makeImage(imageMiB) : Buffer.alloc(0);

interface Killed extends AsyncDisposable {
  readonly disk: LoopDisk;
  readonly file: ServedFile;
  /** Runs the agent again, to the end. */
  readonly again: (boot?: string) => Promise<Report>;
  /** Ranges that it asked for since: the empty one is the whole file. */
  readonly asked: string[];
}

interface Report {
  readonly bytes: number;
  readonly fetched_bytes: number;
  readonly written_bytes: number;
  readonly hash: string;
  readonly resumed_at: number | undefined;
}

/** An agent that was killed when a good part of the image was on the disk and noted. */
async function killedAgent(
  { body, etag, date }: Pick<ServedFile, 'body' | 'etag' | 'date'>,
  fields: object = {},
): Promise<Killed> {
  const stack = new AsyncDisposableStack();
  const disk = stack.use(usedDisk((imageMiB + 8) * MiB));
  const journal = stack.use(scratch()).path('journal');
  const isNoted = (): boolean => {
    const noted = existsSync(journal) ? readFileSync(journal, 'utf8') : '';
    return Number(/"reached":(\d+)/.exec(noted)?.[1] ?? 0) >= reachedMiB * MiB;
  };
  const noted = Promise.withResolvers<void>();
  const asked: string[] = [];
  const file: ServedFile = {
    body,
    etag,
    date,
    before({ headers }, response) {
      asked.push(headers.range ?? '');
      if (asked.length > 1) return false;
      response.writeHead(200, {
        'content-length': body.length,
        ...(etag === undefined ? {} : { etag }),
        ...(date === undefined ? {} : { 'last-modified': date }),
      });
      void giveSlowly(response, body, isNoted).then(noted.resolve);
      return true;
    },
  };
  const server: FileServer = stack.use(await fileServer({ image: file }));
  const actions = [{ action: 'image2disk', url: `${server.url}/image`, ...fields }];
  await agent(disk, actions, journal, noted.promise);
  expect(isNoted()).toBe(true);
  asked.length = 1;
  execFileSync('blockdev', ['--flushbufs', disk.path]);
  expect(readFileSync(disk.image).subarray(0, MiB).equals(Buffer.alloc(MiB))).toBe(true);
  return {
    disk,
    file,
    asked,
    async again(boot) {
      const { code, said } = await agent(disk, actions, journal, undefined, boot);
      expect([code, said]).toEqual([0, expect.stringContaining('"success":true')]);
      execFileSync('blockdev', ['--flushbufs', disk.path]);
      const line = said.split('\n').find((event) => event.includes('"report"')) ?? '';
      const event: { readonly report: Report } = JSON.parse(line);
      return event.report;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Slower towards the end, so that a busy agent has its time; stops when it has noted something. */
async function giveSlowly(
  response: ServerResponse,
  body: Buffer,
  isNoted: () => boolean,
): Promise<void> {
  const piece = Math.ceil(body.length / imageMiB);
  for (let at = 0; at < body.length && !isNoted(); at += piece) {
    response.write(body.subarray(at, at + piece));
    while (response.writableNeedDrain && !response.destroyed) await sleep(20);
    await sleep(at < body.length / 2 ? 60 : 600);
  }
  while (!isNoted() && !response.destroyed) await sleep(20);
}

/** In pages that are not all zeroes. */
function contentBytes(bytes: Buffer): number {
  const zeroes = Buffer.alloc(4096);
  let content = 0;
  for (let at = 0; at < bytes.length; at += zeroes.length) {
    if (!bytes.subarray(at, at + zeroes.length).equals(zeroes)) content += zeroes.length;
  }
  return content;
}

function overwrite(disk: LoopDisk, offset: number, bytes: Buffer): void {
  const file = openSync(disk.path, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}

// Most of the time they wait.
describe.skipIf(!canInstall)(
  `an agent killed in mid-write ${needs}`,
  { concurrent: true, timeout: 200_000 },
  () => {
    it('fetches a raw image from where the disk has it', async () => {
      await using killed = await killedAgent({ body: image, etag: '"1"' });
      const report = await killed.again();
      expectInstalled(killed.disk, image);
      const [, whole, rest] = killed.asked;
      const from = Number(/^bytes=(\d+)-$/.exec(rest ?? '')?.[1]);
      expect([whole, from >= reachedMiB * MiB, report.resumed_at]).toEqual(['', true, from]);
      // The first MiB is not on the disk before the end.
      expect(report.fetched_bytes).toBeLessThan(image.length - from + 3 * MiB);
      expect(report.written_bytes).toBeLessThan(image.length - from + 3 * MiB);
      expect(report).toMatchObject({ bytes: image.length, hash: `sha256:${sha256(image)}` });
    });

    it('starts over where the disk has something else by now', async () => {
      await using killed = await killedAgent({ body: image, etag: '"1"' });
      overwrite(killed.disk, 2 * MiB + 4096, Buffer.alloc(4096, 'y'));
      const report = await killed.again();
      expectInstalled(killed.disk, image);
      expect(report).toMatchObject({
        fetched_bytes: image.length,
        hash: `sha256:${sha256(image)}`,
      });
      expect(report.resumed_at).toBeUndefined();
    });

    it('has the new image where the server has another one by now', async () => {
      await using killed = await killedAgent({ body: image, etag: '"1"' });
      Object.assign(killed.file, { body: other, etag: '"2"' });
      const report = await killed.again();
      expectInstalled(killed.disk, other);
      expect(report).toMatchObject({
        fetched_bytes: other.length,
        hash: `sha256:${sha256(other)}`,
      });
    });

    it('has the new image where nothing but its date tells it apart', async () => {
      await using killed = await killedAgent({ body: image, date: new Date(0).toUTCString() });
      Object.assign(killed.file, { body: other, date: new Date(1_000).toUTCString() });
      const report = await killed.again();
      expectInstalled(killed.disk, other);
      expect(report).toMatchObject({
        fetched_bytes: other.length,
        hash: `sha256:${sha256(other)}`,
      });
    });

    it('has the new image where nothing but its bytes tells it apart', async () => {
      await using killed = await killedAgent({ body: image });
      killed.file.body = other;
      const report = await killed.again();
      expectInstalled(killed.disk, other);
      expect(report).toMatchObject({
        fetched_bytes: other.length,
        hash: `sha256:${sha256(other)}`,
      });
    });

    it('goes on by its checksum where the server has no ETag', async () => {
      await using killed = await killedAgent({ body: image }, { checksum: sha256(image) });
      const report = await killed.again();
      expectInstalled(killed.disk, image);
      expect(report.fetched_bytes).toBeLessThan(image.length - Number(report.resumed_at) + 3 * MiB);
    });

    it('compares a packed image with the disk, and writes what differs', async () => {
      const body = pack(image, 'gzip', '-1');
      await using killed = await killedAgent({ body, etag: '"1"' });
      overwrite(killed.disk, 2 * MiB, Buffer.alloc(4096, 'y'));
      const report = await killed.again();
      expectInstalled(killed.disk, image);
      expect(report).toMatchObject({ fetched_bytes: body.length, hash: `sha256:${sha256(body)}` });
      expect(report.written_bytes).toBeLessThan(image.length - (reachedMiB - 1) * MiB);
      expect(report.resumed_at).toBeUndefined();
    });

    it.each<[string, string[]]>([
      ['a qcow2 image', []],
      ['a qcow2 image with compressed clusters', ['-c']],
    ])('compares %s with the disk, and writes what differs', async (_, options) => {
      const body = qcow2(image, ...options);
      await using killed = await killedAgent({ body, etag: '"1"' });
      // In a cluster, and where the image has none.
      for (const at of [5, 5.5]) overwrite(killed.disk, at * MiB, Buffer.alloc(4096, 'y'));
      const report = await killed.again();
      expectInstalled(killed.disk, image);
      expect(report).toMatchObject({ fetched_bytes: body.length, hash: `sha256:${sha256(body)}` });
      // The third MiB is full and was there; what was overwritten is written with what lies around it.
      const both = contentBytes(image) + 2 * MiB;
      expect(report.written_bytes).toBeLessThan(both - MiB + 0.8 * MiB);
      expect(report.resumed_at).toBeUndefined();
    });

    it('goes on with nothing in another boot', async () => {
      await using killed = await killedAgent({ body: image, etag: '"1"' });
      const report = await killed.again('another boot');
      expectInstalled(killed.disk, image);
      expect(report).toMatchObject({ fetched_bytes: image.length });
      expect(report.resumed_at).toBeUndefined();
    });
  },
);
