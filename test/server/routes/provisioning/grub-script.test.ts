// Boot scripts of GRUB, over real HTTP.
import { describe, expect, it } from 'vitest';
import { rebootTemplate, startServer } from '../../harness.ts';
import { mac, script, registered } from './booting.ts';

describe("GRUB's script", () => {
  const forMac = `/boot/grub.cfg?mac=${mac}`;

  it('asks by the MAC of its port where none is named', async () => {
    const server = await startServer();
    const { status, headers, body } = await script(server, '/boot/grub.cfg');
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toContain('; then source "/boot/grub.cfg?mac=$net_default_mac"; fi\n');
  });

  it("boots what iPXE's does, with the same parameters", async () => {
    const server = await startServer({ boot: { append: 'console=ttyS0,115200' } });
    const id = await registered(server);
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    await server.call('POST', '/api/workflows', {
      body: { machine_id: id, template: 'restart' },
    });
    const parameters = (text: string): string =>
      (
        /^(?:kernel|.*if linux) .*?(panic=.*?)(?: &&|; then)/m.exec(
          text.replaceAll("'", ''),
        )?.[1] ?? ''
      ).replace(/dragonfly\.time=\d+/, '');
    const own = parameters((await script(server)).body);
    expect(own).toContain('dragonfly.mode=imaging');
    expect(parameters((await script(server, forMac)).body)).toBe(own);
  });

  it('leads to the disk, for a MAC in every spelling of loaders', async () => {
    const server = await startServer();
    await registered(server, 'Provisioned');
    for (const spelling of [mac, '01-02-00-00-00-00-07', '020000000007']) {
      const { body } = await script(server, `/boot/grub.cfg?mac=${spelling}`);
      expect(body).toContain('chainloader');
      expect(body).not.toContain('linux');
    }
  });

  it.each(['', 'x', '00:00:00:00:00:00', `${mac}';reboot;'`])(
    'is refused to "%s"',
    async (text) => {
      const server = await startServer();
      const path = `/boot/grub.cfg?mac=${encodeURIComponent(text)}`;
      const { status, body } = await script(server, path);
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'request.invalid' });
    },
  );
});
