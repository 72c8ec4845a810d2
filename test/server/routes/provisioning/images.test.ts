// Disk images over real HTTP: whole and in parts, their checksums, and names that are no images.
import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageFolder } from '../../../../src/store/images/folder.ts';
import { startServer, temporaryDirectory, type TestServer } from '../../harness.ts';

const image = randomBytes(3_000_001);

async function serving(): Promise<{ server: TestServer; folder: string }> {
  const parent = temporaryDirectory();
  const folder = join(parent, 'images');
  mkdirSync(folder);
  writeFileSync(join(parent, 'secret'), 'a secret');
  writeFileSync(join(folder, 'debian.raw.zst'), image);
  const server = await startServer({ images: new ImageFolder(folder) });
  return { server, folder };
}

async function get(server: TestServer, headers: Record<string, string> = {}, method = 'GET') {
  const answer = await fetch(`${server.url}/images/debian.raw.zst`, { method, headers });
  const body = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, body };
}

describe('an image', () => {
  it('is served whole, to anybody, with its size and a strong ETag', async () => {
    const { server } = await serving();
    const { status, headers, body } = await get(server);
    expect(status).toBe(200);
    expect(body.equals(image)).toBe(true);
    expect(headers.get('content-length')).toBe(String(image.length));
    expect(headers.get('accept-ranges')).toBe('bytes');
    expect(headers.get('etag')).toMatch(/^"[0-9a-f-]+"$/);
    const again = await get(server, { 'if-none-match': headers.get('etag') ?? '' });
    expect([again.status, again.body.length]).toEqual([304, 0]);
  });

  it('is described by HEAD without being read', async () => {
    const { server } = await serving();
    const { status, headers, body } = await get(server, {}, 'HEAD');
    expect([status, headers.get('content-length'), body.length]).toEqual([
      200,
      String(image.length),
      0,
    ]);
  });

  it('is served in any part that is asked for', async () => {
    const { server } = await serving();
    const range = fc.tuple(fc.nat(image.length + 10), fc.nat(5_000));
    await fc.assert(
      fc.asyncProperty(range, async ([start, more]) => {
        const { status, headers, body } = await get(server, {
          range: `bytes=${start}-${start + more}`,
        });
        const part = image.subarray(start, start + more + 1);
        expect(status).toBe(part.length === 0 ? 416 : 206);
        expect(headers.get('content-range')).toBe(
          part.length === 0
            ? `bytes */${image.length}`
            : `bytes ${start}-${start + part.length - 1}/${image.length}`,
        );
        expect(body.length === 0 || body.equals(part)).toBe(true);
      }),
      { numRuns: 40 },
    );
    const rest = await get(server, { range: 'bytes=2999990-' });
    expect(rest.body.equals(image.subarray(2_999_990))).toBe(true);
    const end = await get(server, { range: 'bytes=-7' });
    expect(end.body.equals(image.subarray(-7))).toBe(true);
  });

  it.each(['bytes=9-3', 'bytes=-', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=a-b'])(
    'is served whole when the range is %s',
    async (range) => {
      const { server } = await serving();
      expect((await get(server, { range })).status).toBe(200);
    },
  );

  it('goes on only if it is still the same file', async () => {
    const { server, folder } = await serving();
    const { headers } = await get(server, { range: 'bytes=0-9' });
    const etag = headers.get('etag') ?? '';
    const range = 'bytes=10-19';
    expect((await get(server, { range, 'if-range': etag })).status).toBe(206);
    writeFileSync(join(folder, 'debian.raw.zst'), Buffer.alloc(100));
    const changed = await get(server, { range, 'if-range': etag });
    expect([changed.status, changed.body.length]).toEqual([200, 100]);
    expect(changed.headers.get('etag')).not.toBe(etag);
  });

  it('may be empty', async () => {
    const { server, folder } = await serving();
    writeFileSync(join(folder, 'empty'), '');
    const { status, body } = await server.call('GET', '/images/empty');
    expect([status, body]).toEqual([200, '']);
  });
});

describe('checksums', () => {
  it('are those of sha256sum, for every image, and part of later answers', async () => {
    const { server, folder } = await serving();
    writeFileSync(join(folder, 'b.qcow2'), 'b');
    const { status, body } = await server.call('GET', '/images/SHA256SUMS');
    expect(status).toBe(200);
    const expected = execFileSync('sha256sum', ['b.qcow2', 'debian.raw.zst'], { cwd: folder });
    expect(body).toBe(expected.toString());
    const digest = createHash('sha256').update(image).digest('base64');
    const { headers } = await get(server, { range: 'bytes=0-1' });
    expect(headers.get('repr-digest')).toBe(`sha-256=:${digest}:`);
  });

  it('are computed again when a file has changed, and not otherwise', async () => {
    const { server, folder } = await serving();
    const first = (await server.call('GET', '/images/SHA256SUMS')).body;
    expect((await server.call('GET', '/images/SHA256SUMS')).body).toBe(first);
    const path = join(folder, 'debian.raw.zst');
    writeFileSync(path, Buffer.from(image).fill(1, 0, 1));
    utimesSync(path, 1, 1);
    const digest = createHash('sha256')
      .update(Buffer.from(image).fill(1, 0, 1))
      .digest('hex');
    expect((await server.call('GET', '/images/SHA256SUMS')).body).toBe(
      `${digest}  debian.raw.zst\n`,
    );
  });
});

/** A request target as it is, which fetch would tidy up. */
async function rawGet(server: TestServer, target: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return text(socket);
}

describe('names that are no images', () => {
  it.each([
    '/images/',
    '/images/..',
    '/images/.',
    '/images/../secret',
    '/images/..%2fsecret',
    '/images/%2e%2e%2fsecret',
    '/images/..%5csecret',
    '/images/%2fetc%2fpasswd',
    '/images/.sums.json',
    '/images/.hidden',
    '/images/debian.raw.zst%00',
    '/images/debian.raw.zst/',
    '/images/folder',
    '/images/pipe',
    '/images/loop',
    '/images/none',
    `/images/${'a'.repeat(5_000)}`,
    '/images/%',
    '/images/%ff',
  ])('%s', async (target) => {
    const { server, folder } = await serving();
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, '.hidden'), 'a secret');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('loop', join(folder, 'loop'));
    await server.call('GET', '/images/SHA256SUMS');
    const answer = await rawGet(server, target);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).not.toContain('a secret');
  });

  it('any other text gives no file and no failure of the server', async () => {
    const { server } = await serving();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (name) => {
        const answer = await rawGet(server, `/images/${encodeURIComponent(name.toWellFormed())}`);
        expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      }),
      { numRuns: 100 },
    );
  });

  it('a server without images says how to have some', async () => {
    const { status, body } = await (await startServer()).call('GET', '/images/debian.raw.zst');
    expect([status, body.code]).toEqual([404, 'image.unknown']);
    expect(body.error).toContain('--image-dir');
  });
});
