// Texts in bodies: encodings, half characters, names.
import { describe, expect, it } from 'vitest';
import { openKv } from '../../../../src/store/open.ts';
import { storeOver } from '../../../../src/store/kv-store.ts';
import { registered, rebootTemplate, startServer } from '../../harness.ts';

describe('text', () => {
  it('of operators with half of a surrogate pair is refused, of agents mended', async () => {
    const server = await startServer();
    const [id] = await registered(server, 1);
    for (const body of ['{"tags":["a\\ud800"]}', '{"labels":{"\\udc00":"a"}}']) {
      const { status, body: answer } = await server.call('PATCH', `/api/machines/${id}`, { body });
      expect([status, answer.code]).toEqual([400, 'request.malformed']);
    }
    const whole = await server.call('PATCH', `/api/machines/${id}`, {
      body: '{"tags":["\\ud83d\\ude00"]}',
    });
    expect(whole.body.config.tags).toEqual(['😀']);
    const body = '{"mac":"02:00:00:00:00:09","hostname":"a\\ud800"}';
    expect((await server.call('POST', '/api/agent/checkin', { body })).status).toBe(200);
  });

  it('that is stored with one does not make the list unreadable', async () => {
    const kv = await openKv('memory:');
    const server = await startServer({ store: storeOver(kv) });
    await kv.commit([], [{ key: 'settings/a', value: '{"key":"a","value":"b\\ud800 \\\\ud800"}' }]);
    const response = await fetch(`${server.url}/api/settings`);
    const text = await response.text();
    expect(text).toContain('b\uFFFD \\\\ud800');
    expect(JSON.parse(text).settings[0].value).toBe('b\uFFFD \\ud800');
  });

  it.each([
    ['bytes that are not UTF-8', { body: Buffer.from('{"value":"\xff"}', 'latin1') }, 400],
    [
      'another charset',
      { body: '{"value":"a"}', type: 'application/json; charset=iso-8859-1' },
      415,
    ],
    [
      'UTF-16',
      { body: Buffer.from('{"value":"a"}', 'utf16le'), type: 'application/json; charset=utf-16' },
      415,
    ],
    ['UTF-8 by name', { body: '{"value":"ä"}', type: 'application/json; charset="UTF-8"' }, 201],
  ])(
    'in %s is answered as it should',
    async (
      _name,
      { body, type = 'application/json' }: { body: string | Buffer; type?: string },
      expected,
    ) => {
      const server = await startServer();
      const { status } = await fetch(`${server.url}/api/settings/a`, {
        method: 'PUT',
        headers: { 'content-type': type },
        body,
      });
      expect(status).toBe(expected);
    },
  );

  it.each(['a\nb', '', 'x'.repeat(129), 'a\u007f'])('%j is no key of a label', async (key) => {
    const server = await startServer();
    const [id] = await registered(server, 1);
    const put = (labels: unknown) =>
      server.call('PATCH', `/api/machines/${id}`, { body: { labels } });
    expect((await put({ [key]: 'a' })).status).toBe(422);
    expect((await put({ [key]: { not: 'a text' } })).status).toBe(422);
    const labelled = {
      ...rebootTemplate,
      metadata: { name: 'restart', labels: { [key.repeat(2)]: 'a' } },
    };
    expect((await server.call('PUT', '/api/templates/restart', { body: labelled })).status).toBe(
      422,
    );
    expect((await put({ ['x'.repeat(128)]: 'a' })).status).toBe(200);
  });
});
