import { expect, it } from 'vitest';
import { version } from '../../../src/cli/version.ts';
import { startServer } from '../harness.ts';

it('is described by the committed openapi.json (renewed by: vitest run test/server/routes/openapi.test.ts -u)', async () => {
  const server = await startServer({ version });
  const { status, body } = await server.call('GET', '/api/openapi.json');
  expect(status).toBe(200);
  expect(body.openapi).toBe('3.1.0');
  await expect(`${JSON.stringify(body, null, 2)}\n`).toMatchFileSnapshot('../../../openapi.json');
});

it('serves a page about itself that loads nothing from elsewhere', async () => {
  const server = await startServer();
  const page = await server.call('GET', '/docs/');
  const { status, headers, body } = page.status === 200 ? page : await server.call('GET', '/docs');
  expect(status).toBe(200);
  expect(headers.get('content-security-policy')).toContain("default-src 'self'");
  const sources = [...String(body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
  expect(sources.length).toBeGreaterThan(2);
  for (const source of sources) {
    expect(source).not.toMatch(/^(https?:)?\/\//);
    const asset = await server.call('GET', new URL(source, `${server.url}/docs/`).pathname);
    expect({ source, status: asset.status }).toEqual({ source, status: 200 });
  }
  // Inline scripts would be stopped by the policy.
  expect(body).not.toMatch(/<script>[^<]/);
});
