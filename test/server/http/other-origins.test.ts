// Pages of other servers, in the browser of an operator.
import { describe, expect, it } from 'vitest';
import { checkin, startServer } from '../harness.ts';
import { routes, fill, Faults, exchange, expectEmpty } from './hostile.ts';

describe('a page from elsewhere', () => {
  it('cannot use the server of the host that it is shown on', async () => {
    const server = await startServer();
    const body = { value: 'x' };
    for (const headers of [
      { origin: 'https://example.com' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
    ]) {
      const answer = await server.call('PUT', '/api/settings/a', { body, headers });
      expect(answer.status).toBe(403);
    }
    await expectEmpty(server);
  });

  it('is no stock agent, by whichever name it reaches the server', async () => {
    const server = await startServer({ auth: { required: true, stockAgents: true } });
    const { port } = new URL(server.url);
    const body = JSON.stringify(checkin(1, { boot_id: null }));
    const from = async (headers: string): Promise<string> => {
      const head = `POST /api/agent/checkin HTTP/1.1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
      return (await exchange(server.url, `${head}\r\n${headers}\r\n\r\n${body}`)).slice(9, 12);
    };
    const host = `host: rebound.example:${port}`;
    expect([
      await from(`${host}\r\norigin: http://rebound.example:${port}`),
      await from(`${host}\r\nsec-fetch-site: same-origin`),
      await from(host),
    ]).toEqual(['403', '403', '200']);
  });

  it('can use no route of a server without tokens, by no name that it lets resolve there', async () => {
    const server = await startServer({ publicUrl: 'https://pxe.example.org:3000' });
    const faults = new Faults();
    const from = async (method: string, path: string, headers: string): Promise<string> => {
      const head = `${method} ${fill(path)} HTTP/1.1\r\nconnection: close\r\n${headers}`;
      const text = await exchange(server.url, `${head}\r\ncontent-length: 0\r\n\r\n`);
      return text.split(' ', 2)[1] ?? text;
    };
    for (const { method, path } of [...routes, { method: 'GET', path: '/' }]) {
      for (const headers of [
        'host: example.com',
        'host: localhost.example.com:3000',
        'host: 127.0.0.1.example.com',
        'host: pxe.example.org.evil',
        'host:',
        'host: 127.0.0.1\r\norigin: https://example.com',
        'host: 127.0.0.1\r\norigin: null',
        'host: 127.0.0.1\r\nsec-fetch-site: cross-site',
        'host: 127.0.0.1\r\nsec-fetch-site: same-site',
        'host: 127.0.0.1\r\nsec-fetch-site: CROSS-SITE',
      ]) {
        const status = await from(method, path, headers);
        faults.addUnless(status === '403', `${method} ${path} with ${headers}: ${status}`);
      }
    }
    expect(faults.all).toEqual([]);
    for (const host of [
      'localhost',
      '127.0.0.1:1',
      '[::1]:80',
      '192.0.2.7:3000',
      'pxe.example.org',
    ]) {
      expect([host, await from('GET', '/api/machines', `host: ${host}`)]).toEqual([host, '200']);
    }
    // A target that names a host counts, whatever Host says.
    const proxied = 'http://example.com/api/machines';
    expect(await from('GET', proxied, 'host: 127.0.0.1')).toBe('403');
    const own = 'http://127.0.0.1/api/machines';
    expect(await from('GET', own, 'host: example.com')).toBe('200');
    // A link from elsewhere may lead to the page, which asks for everything itself.
    const link = 'host: 127.0.0.1\r\nsec-fetch-site: cross-site\r\nsec-fetch-mode: navigate';
    expect(await from('GET', '/', link)).not.toBe('403');
    expect(await from('GET', '/api/machines', link)).toBe('403');
  });
});
