// Kernel and initramfs, over real HTTP.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startServer, temporaryDirectory, type TestServer } from '../../harness.ts';

describe('the kernel and the initramfs', () => {
  const content = randomBytes(100_000);

  async function withImage(): Promise<TestServer> {
    const dir = temporaryDirectory();
    mkdirSync(join(dir, 'x86_64'));
    writeFileSync(join(dir, 'x86_64', 'kernel'), content);
    writeFileSync(join(dir, 'x86_64', 'secret'), 'not for everybody');
    return startServer({ boot: { dir } });
  }

  it.each(['x86_64', 'i386'])('are served to an iPXE built for %s', async (arch) => {
    const { url } = await withImage();
    const response = await fetch(`${url}/boot/${arch}/kernel`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe('100000');
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      createHash('sha256').update(content).digest('hex'),
    );
  });

  it('are served by ranges', async () => {
    const { url } = await withImage();
    const headers = { range: 'bytes=10-19' };
    const response = await fetch(`${url}/boot/x86_64/kernel`, { headers });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe('bytes 10-19/100000');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(content.subarray(10, 20));
  });

  it.each(['bytes=100000-', 'bytes=200000-200001', 'bytes=-0'])(
    'have nothing of the range %s past their end',
    async (range) => {
      const { url } = await withImage();
      const response = await fetch(`${url}/boot/x86_64/kernel`, { headers: { range } });
      const { code } = Object(await response.json());
      expect([response.status, response.headers.get('content-range'), code]).toEqual([
        416,
        'bytes */100000',
        'request.range',
      ]);
    },
  );

  it('are not sent again to somebody who has them', async () => {
    const { app } = await withImage();
    const first = await app.inject({ method: 'HEAD', url: '/boot/x86_64/kernel' });
    const etag = String(first.headers['etag']);
    const headers = { 'if-none-match': etag };
    const again = await app.inject({ url: '/boot/x86_64/kernel', headers });
    expect({ etag, status: again.statusCode }).toEqual({
      etag: expect.stringMatching(/^(W\/)?"[^"]+"$/),
      status: 304,
    });
  });

  it.each([
    '/boot/x86_64/secret',
    '/boot/x86_64/..%2fx86_64%2fsecret',
    '/boot/..%2f..%2fetc/passwd',
    '/boot/__proto__/kernel',
    '/boot/arm64/initramfs',
  ])('are all that is served: not %s', async (path) => {
    const server = await withImage();
    const { status } = await server.call('GET', path);
    expect(status).toBe(404);
  });

  it('are missed by name, in ready too', async () => {
    const server = await withImage();
    const { status, body } = await server.call('GET', '/boot/x86_64/initramfs');
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'boot.no-image' });
    const ready = await server.call('GET', '/api/ready');
    expect({ status: ready.status, code: ready.body.code }).toEqual({
      status: 503,
      code: 'boot.incomplete',
    });
    expect(ready.body.error).toMatch(/there is no \S+\/x86_64\/initramfs$/);
  });

  it('are missed with the setting that would bring them', async () => {
    const server = await startServer();
    const { status, body } = await server.call('GET', '/boot/x86_64/kernel');
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'boot.no-image' });
    expect(body.error).toContain('--boot-dir');
  });
});
