import { describe, expect, test } from 'vitest';
import { createToken } from '../../../src/server/access/tokens.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { startServer } from '../harness.ts';

describe('the page', () => {
  test.each([
    '/',
    '/machines?q=tag:a',
    '/machines/01930000-0000-7000-8000-000000000001',
    '/workflows',
    '/conflicts',
    '/audit',
    '/administration',
    '/templates',
    '/templates/debian-13',
  ])('%s is the same document, asked for anew each time', async (path) => {
    const server = await startServer();
    const page = await server.call('GET', path);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(page.body).toBe((await server.call('GET', '/')).body);
  });

  test('says in its own way that an address leads nowhere, to a browser alone', async () => {
    const server = await startServer();
    const headers = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    const page = await server.call('GET', '/nothing/here', { headers });
    expect([page.status, page.headers.get('content-type')]).toEqual([
      404,
      'text/html; charset=utf-8',
    ]);
    const { headers: known, body } = await server.call('GET', '/');
    expect(page.body).toBe(body);
    for (const name of ['content-security-policy', 'x-frame-options', 'referrer-policy']) {
      expect([name, page.headers.get(name)]).toEqual([name, known.get(name)]);
    }
    for (const [method, path, accept] of [
      ['GET', '/nothing/here', '*/*'],
      ['GET', '/api/nothing', headers.accept],
      ['POST', '/nothing/here', headers.accept],
    ] as const) {
      const answer = await server.call(method, path, { headers: { accept } });
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'route.unknown']);
    }
  });

  test('has no inline script or style, and says that none may be', async () => {
    const server = await startServer();
    const { headers, body } = await server.call('GET', '/');
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=/);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('names its files after their content, to be kept for ever', async () => {
    const server = await startServer();
    const { body } = await server.call('GET', '/');
    const assets = [...String(body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path);
    expect(assets).toHaveLength(3);
    for (const path of assets) {
      const asset = await server.call('GET', path ?? '');
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    }
  });

  test.each([
    '/assets/..%2findex.html',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/assets/%2e%2e%2findex.html',
    '/assets/..%5c..%5cpackage.json',
    '/assets/.hidden',
    '/assets/none.js',
    '/assets/',
    '/assets/a%00b',
  ])('%s is nothing', async (path) => {
    const server = await startServer();
    const { status, body } = await server.call('GET', path);
    expect(status).toBe(404);
    expect(body.code).toBe('route.unknown');
  });

  test('is given to anybody, what it shows is not', async () => {
    const server = await startServer();
    await createToken(server.store, systemClock, {
      name: 'ops',
      scope: 'read',
      expiresAt: null,
    });
    expect((await server.call('GET', '/')).status).toBe(200);
    expect((await server.call('GET', '/api/machines')).status).toBe(401);
  });
});
