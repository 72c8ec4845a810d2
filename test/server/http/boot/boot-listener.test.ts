// The listener without TLS for machines that boot, over real HTTP.
import { request as httpRequest } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pinFor } from '../../../../src/server/http/certificates.ts';
import {
  bootOrigin,
  listenForBoots,
  mainOrigin,
  type BootListener,
} from '../../../../src/server/http/boot/boot-listener.ts';
import { renewTls } from '../../../../src/server/http/connections.ts';
import { hasOpenssl, TestCa } from '../../../transport/test-ca.ts';
import {
  checkin,
  request,
  rebootTemplate,
  startServer,
  temporaryDirectory,
  type TestServer,
} from '../../harness.ts';

const mac = '02:00:00:00:00:07';

async function bootListener(server: TestServer, host = '127.0.0.1'): Promise<BootListener> {
  const listener = await listenForBoots(server.app, { host, port: 0 });
  onTestFinished(() => {
    listener.cut();
    return listener.close();
  });
  return listener;
}

const portOf = (url: string): string => new URL(url).port;

describe.skipIf(!hasOpenssl)('beside a server with TLS (needs openssl)', () => {
  it('gives files without it, and sends the agent to the https address and the CA', async () => {
    const ca = new TestCa();
    const server = await startServer({ tls: ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01') });
    const { url } = await bootListener(server);
    const { status, body } = await request(url, 'GET', `/boot/${mac}`);
    expect(status).toBe(200);
    expect(body).toContain(` ${url}/boot/\${buildarch}/kernel `);
    expect(body).toContain(` dragonfly.url=https://127.0.0.1:${portOf(server.url)} `);
    expect(body).toContain(` dragonfly.ca_sha256=${ca.sha256} `);
    const first = await request(url, 'GET', '/boot/start.ipxe');
    expect(first.body).toContain(` ${url}/boot/\${netX/mac:hexhyp} `);
  });

  it('tells the CA of a renewed certificate', async () => {
    const [old, renewed] = [new TestCa(), new TestCa()];
    const server = await startServer({
      tls: old.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01'),
    });
    const { url } = await bootListener(server);
    renewTls(server.app.server, renewed.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01'));
    const { body } = await request(url, 'GET', `/boot/${mac}`);
    expect(body).toContain(` dragonfly.ca_sha256=${renewed.sha256} `);
  });

  it('names the public address where one is set', async () => {
    const ca = new TestCa();
    const server = await startServer({
      publicUrl: 'https://dragonfly.example',
      tls: ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01'),
    });
    const { url } = await bootListener(server);
    const { body } = await request(url, 'GET', `/boot/${mac}`);
    expect(body).toContain(` ${url}/boot/\${buildarch}/kernel `);
    expect(body).toContain(' dragonfly.url=https://dragonfly.example ');
  });

  it('pins the end of a chain, but no certificate that a public CA has issued', () => {
    const ca = new TestCa();
    const { cert } = ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01');
    const alone = cert.replace(ca.pem, '');
    expect(pinFor(cert)).toBe(ca.sha256);
    expect(pinFor(cert, [ca.pem])).toBe(ca.sha256);
    expect(pinFor(alone)).toMatch(/^[0-9a-f]{64}$/);
    expect(pinFor(alone)).not.toBe(ca.sha256);
    expect(pinFor(alone, [new TestCa().pem, ca.pem])).toBeUndefined();
    expect(pinFor('')).toBeUndefined();
  });
});

it('answers nothing but boot files and reports, and says where everything else is', async () => {
  const server = await startServer();
  const { url } = await bootListener(server);
  const { body: document } = await server.call('GET', '/api/openapi.json');
  const operations = Object.entries<Record<string, unknown>>(document.paths).flatMap(
    ([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
  );
  const hidden = ['/', '/machines', '/docs', '/docs/json', '/api/openapi.json', '/assets/page.js'];
  const answered = new Set<string>();
  const refusals = new Set<string>();
  const asked = [...operations, ...hidden.map((page) => ['GET', page] as const)];
  for (const [method, path] of asked) {
    const { status, body } = await request(url, method, path.replaceAll(/\{\w+\}/g, 'x'));
    if (status === 421) refusals.add(body.error ?? '');
    else if (body.code !== 'route.unknown') answered.add(`${method} ${path}`);
  }
  // The answer to a HEAD has no body.
  expect([...refusals].filter(Boolean)).toEqual([
    expect.stringContaining(`use http://127.0.0.1:${portOf(server.url)}`),
  ]);
  expect(operations.length).toBeGreaterThan(40);
  expect([...answered].toSorted()).toEqual([
    'GET /boot/grub.cfg',
    'GET /boot/start.ipxe',
    'GET /boot/{mac}',
    'POST /api/workflows/{id}/report',
  ]);
});

it('serves kernel and initramfs, whole and in parts', async () => {
  const dir = temporaryDirectory();
  mkdirSync(join(dir, 'x86_64'));
  for (const file of ['kernel', 'initramfs']) writeFileSync(join(dir, 'x86_64', file), `a ${file}`);
  const { url } = await bootListener(await startServer({ boot: { dir } }));
  const whole = await request(url, 'GET', '/boot/i386/kernel');
  expect([whole.status, whole.body]).toEqual([200, 'a kernel']);
  const part = await request(url, 'GET', '/boot/x86_64/initramfs', {
    headers: { range: 'bytes=2-' },
  });
  expect([part.status, part.body]).toEqual([206, 'initramfs']);
});

it('is the address that installed systems report to', async () => {
  const server = await startServer();
  const { url } = await bootListener(server);
  const { body: machine } = await server.call('POST', '/api/agent/checkin', { body: checkin(7) });
  const actions = [
    { action: 'writefile', path: '/etc/report', content: '{{ phone_home_url }}' },
    { action: 'reboot' },
  ];
  await server.call('PUT', '/api/templates/restart', {
    body: { ...rebootTemplate, spec: { actions } },
  });
  const { body: workflow } = await server.call('POST', '/api/workflows', {
    body: { machine_id: machine.machine_id, template: 'restart' },
  });
  const { body: filled } = await server.call(
    'GET',
    `/api/templates/restart?machine_id=${machine.machine_id}`,
  );
  const report = `${url}/api/workflows/${workflow.metadata.name}/report?token=`;
  const address: string = filled.spec.actions[0].content;
  expect(address).toContain(report);
  const { status, body } = await request(address, 'POST', '');
  expect([status, body.code]).toEqual([409, 'workflow.finished']);
});

it('refuses a Host that no script can hold', async () => {
  const { url } = await bootListener(await startServer({ auth: { required: true } }));
  const statuses = await Promise.all(
    ['a b', '${x}:80', 'x"', 'x|shell', 'x;shell'].map(
      (host) =>
        new Promise((resolve, reject) => {
          httpRequest(`${url}/boot/${mac}`, { headers: { host } }, (response) => {
            response.resume();
            resolve(response.statusCode);
          })
            .on('error', reject)
            .end();
        }),
    ),
  );
  expect(statuses).toEqual(statuses.map(() => 422));
});

describe('at an address of its own', () => {
  it('sends the agent to the address of the server, and has it report to its own', async () => {
    const server = await startServer();
    const { url } = await bootListener(server, '127.0.0.2');
    const { body } = await request(url, 'GET', `/boot/${mac}`);
    expect(body).toContain(` ${url}/boot/\${buildarch}/kernel `);
    expect(body).toContain(` dragonfly.url=${server.url} `);
    const { app } = server;
    const way = { hostname: '127.0.0.1', end: '127.0.0.1' };
    expect(bootOrigin(app.server, way)).toBe(url);
  });

  it('keeps a name, and the address that something in between translates', async () => {
    const server = await startServer();
    const { app, url } = server;
    const boots = await bootListener(server, '127.0.0.2');
    const [main, boot] = [url, boots.url].map(portOf);
    for (const [hostname, end] of [
      ['machines.example', '127.0.0.2'],
      ['192.0.2.7', '127.0.0.2'],
    ] as const) {
      expect(mainOrigin(app.server, 'http', { hostname, end })).toBe(`http://${hostname}:${main}`);
      expect(bootOrigin(app.server, { hostname, end })).toBe(`http://${hostname}:${boot}`);
    }
  });
});
