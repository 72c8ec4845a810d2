// Boot scripts of iPXE, over real HTTP.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MachineState } from '../../../../src/model/machine.ts';
import { checkin, rebootTemplate, startServer } from '../../harness.ts';
import { mac, script, registered } from './booting.ts';

const commands = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.split(' ')[0] === name);

describe('the boot script', () => {
  it('boots an unknown machine into discovery', async () => {
    const server = await startServer();
    const { status, headers, body } = await script(server);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/plain');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body.split('\n')[0]).toBe('#!ipxe');
    const kernel = commands(body, 'kernel')[0] ?? '';
    expect(kernel).toContain(
      ` ${server.url}/boot/\${buildarch}/kernel initrd=initramfs panic=60 rootfstype=ramfs initcall_blacklist=`,
    );
    expect(kernel).toContain(
      ` dragonfly.url=${server.url} dragonfly.mode=discovery dragonfly.mac=${mac} `,
    );
    expect(kernel).toMatch(/ dragonfly\.time=\d{10} BOOTIF=01-02-00-00-00-00-07 && goto/);
    expect(commands(body, 'initrd')).toEqual([
      expect.stringContaining(` --name initramfs ${server.url}/boot/\${buildarch}/initramfs && `),
    ]);
    expect(commands(body, 'boot')).toEqual(['boot ||']);
  });

  it.each<[MachineState, string]>([
    ['Discovered', 'the agent'],
    ['Ready', 'the agent'],
    [{ Error: { message: 'a disk is gone' } }, 'the agent'],
    ['Provisioned', 'the disk'],
    ['Offline', 'the disk'],
  ])('for a machine that is %j boots %s', async (state, what) => {
    const server = await startServer();
    await registered(server, state);
    const { body } = await script(server);
    expect(commands(body, 'kernel').length > 0 ? 'the agent' : 'the disk').toBe(what);
  });

  it('leaves UEFI with a failure, after which firmware tries its next boot entry', async () => {
    const server = await startServer();
    await registered(server, 'Provisioned');
    const { body } = await script(server);
    expect(body.split('\n')).toEqual([
      '#!ipxe',
      'iseq ${platform} efi && exit 1 ||',
      'sanboot --no-describe --drive 0x80 ||',
      'sanboot --no-describe --drive 0x81 ||',
      'sanboot --no-describe --drive 0x82 ||',
      'sanboot --no-describe --drive 0x83 ||',
      'iseq ${platform} efi && exit 1 ||',
      'echo The disk does not boot. Starting over.',
      'sleep 5',
      'reboot ||',
      'exit 1',
      '',
    ]);
  });

  it('boots a machine with an active workflow into imaging', async () => {
    const server = await startServer();
    const id = await registered(server);
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    const { body: workflow } = await server.call('POST', '/api/workflows', {
      body: { machine_id: id, template: 'restart' },
    });
    const { body } = await script(server);
    expect(body).toContain(' dragonfly.mode=imaging ');
    expect(body).toContain(` dragonfly.workflow=${workflow.metadata.name} `);
  });

  it('knows a machine by any of its ports', async () => {
    const server = await startServer();
    await registered(server, 'Provisioned');
    expect((await script(server, '/boot/02-00-00-00-00-08')).body).toContain('sanboot');
  });

  it('hands out a secret where boots may enrol, and the parameters of the operator', async () => {
    const server = await startServer({
      auth: { enrolmentToken: 'enrol-me' },
      boot: { append: 'console=ttyS0,115200 dragonfly.linkwait=90' },
    });
    const { body } = await script(server);
    expect(body).toMatch(/ dragonfly\.token=dfb_020000000007_\w+ /);
    expect(body).not.toContain('enrol-me');
    expect(body).toContain(' console=ttyS0,115200 dragonfly.linkwait=90 &&');
  });

  it('leaves out the mode where an operator boots the image of Dragonfly itself', async () => {
    const server = await startServer();
    await server.call('PUT', '/api/settings/boot.mode_parameter', { body: { value: 'false' } });
    const { body } = await script(server);
    expect(body).not.toContain('dragonfly.mode');
    expect(body).toContain(` dragonfly.url=${server.url} dragonfly.mac=${mac} `);
  });

  it('names the public address where one is set', async () => {
    const server = await startServer({ publicUrl: 'https://dragonfly.example/base/' });
    expect((await script(server)).body).toContain(
      ' dragonfly.url=https://dragonfly.example/base dragonfly.mode',
    );
  });

  it('sends a first script on to the one of the port that it came from', async () => {
    const server = await startServer();
    const { body } = await script(server, '/boot/start.ipxe');
    expect(commands(body, 'chain')).toEqual([
      expect.stringContaining(` --replace --autofree ${server.url}/boot/\${netX/mac:hexhyp} && `),
    ]);
  });

  it('is never more than its own lines, whatever is asked for and as whom', async () => {
    const server = await startServer();
    const own = (await script(server)).body.split('\n').length;
    const hostile = fc.oneof(
      // An address with a dot segment is another address: that of the page.
      fc.string().filter((text) => !/^\.\.?$/.test(text)),
      fc.constantFrom('02:00:00:00:00:07\nshell', '${net0/mac}', '../../etc/passwd', '__proto__'),
      fc.constantFrom(mac, '020000000007', '0200.0000.0007', '01-02-00-00-00-00-07'),
    );
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const { status, body } = await script(server, `/boot/${encodeURIComponent(text)}`);
        const lines = status === 200 ? body.split('\n').length : own;
        expect({ lines, isFine: status < 500 }).toEqual({ lines: own, isFine: true });
      }),
      { numRuns: 100 },
    );
  });

  it('does not repeat a host name that could be a command', async () => {
    const { app } = await startServer({ auth: { required: true } });
    for (const host of ['a${b}', 'a b', "a'b", 'a`b`', 'a"b']) {
      const { statusCode } = await app.inject({ url: `/boot/${mac}`, headers: { host } });
      expect({ host, statusCode }).toEqual({ host, statusCode: 422 });
    }
  });

  it('is the same for a MAC in every spelling of loaders', async () => {
    const server = await startServer();
    await registered(server, 'Provisioned');
    for (const spelling of ['02-00-00-00-00-07', '01-02-00-00-00-00-07', '020000000007']) {
      expect((await script(server, `/boot/${spelling}`)).body).toContain('sanboot');
    }
  });

  it('has the parameters of the operator, of the tags and of the machine, the last of which counts', async () => {
    const server = await startServer({ boot: { append: 'a=1' } });
    const id = await registered(server);
    await server.call('PATCH', `/api/machines/${id}`, { body: { tags: ['serial', 'b'] } });
    const put = (key: string, value: string) =>
      server.call('PUT', `/api/settings/${key}`, { body: { value } });
    await put('boot.append', 'a=2');
    await put('boot.append.tag.serial', 'console=ttyS1');
    await put('boot.append.tag.other', 'never=1');
    await put(`boot.append.machine.${id}`, 'a=3');
    const { body } = await script(server);
    expect(body).toContain(' a=1 a=2 console=ttyS1 a=3 &&');
    expect(body).not.toContain('never');
    expect((await script(server, '/boot/02-00-00-00-00-99')).body).toContain(' a=1 a=2 &&');
  });

  it('leads to the disk as the operator chose for the machine, before its tags', async () => {
    const server = await startServer();
    const id = await registered(server, 'Provisioned');
    await server.call('PATCH', `/api/machines/${id}`, { body: { tags: ['old-bios'] } });
    const put = (key: string, value: string) =>
      server.call('PUT', `/api/settings/${key}`, { body: { value } });
    await put('boot.local.tag.old-bios', 'exit');
    expect((await script(server)).body).toBe('#!ipxe\nexit 1\n');
    await put(`boot.local.machine.${id}`, 'sanboot:0x81');
    expect((await script(server)).body).toContain('--drive 0x81');
  });

  it.each([
    ['boot.append', 'a\nshell'],
    ['boot.append.tag.x', 'x'.repeat(2000)],
    ['boot.local', 'grub'],
    ['boot.loader', 'grub'],
    ['boot.give_up_seconds', 'soon'],
  ])('refuses the setting %s: "%s"', async (key, value) => {
    const server = await startServer();
    const { status, body } = await server.call('PUT', `/api/settings/${key}`, { body: { value } });
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'request.invalid' });
    expect(body.error).toContain(key);
  });

  it('never gives up for a machine whose agent found no system', async () => {
    const server = await startServer();
    await server.call('POST', '/api/agent/checkin', {
      body: { ...checkin(7), boot_id: randomUUID(), existing_os: null },
    });
    const { body } = await script(server);
    expect(body).not.toContain('disk');
    expect((await script(server, '/boot/02-00-00-00-00-99')).body).toContain('goto disk');
  });

  it('refuses to start with parameters that a kernel would cut off', async () => {
    await expect(startServer({ boot: { append: 'x'.repeat(1500) } })).rejects.toThrow(
      'a kernel takes 1347',
    );
  });

  it('refuses to start with parameters that would become commands', async () => {
    await expect(startServer({ boot: { append: 'a\nshell' } })).rejects.toThrow('boot parameters');
  });
});
