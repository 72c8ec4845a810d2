// TFTP over real sockets on loopback, at ports that take no rights.
import { once } from 'node:events';
import { appendFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { address, loader, start, socketAt, message } from './sockets.ts';

interface Fetched {
  readonly content: Buffer;
  readonly options: string;
  readonly error: string | undefined;
}

/** A TFTP client that asks in its first packet for `options`, and may lose what it gets. */
async function fetchFile(
  port: number,
  name: string,
  options: readonly string[] = [],
  {
    opcode = 1,
    mode = 'octet',
    loses = () => false,
  }: { opcode?: number; mode?: string; loses?: () => boolean } = {},
): Promise<Fetched> {
  const socket = await socketAt();
  const request = [name, mode, ...options].map((text) => `${text}\0`).join('');
  socket.send(Buffer.concat([Buffer.from([0, opcode]), Buffer.from(request)]), port, address);
  const number = (option: string, usual: number) =>
    Number(agreed[agreed.indexOf(option) + 1] ?? usual) || usual;
  let agreed: string[] = [];
  const parts: Buffer[] = [];
  for (;;) {
    const { bytes, from } = await message(socket);
    const kind = bytes.readUInt16BE(0);
    if (kind === 5)
      return {
        content: Buffer.concat(parts),
        options: '',
        error: bytes.toString('latin1', 4, bytes.length - 1),
      };
    if (loses()) continue;
    const acknowledge = (): void => {
      socket.send(
        Buffer.from([0, 4, (parts.length >> 8) & 255, parts.length & 255]),
        from.port,
        address,
      );
    };
    if (kind === 6) {
      agreed = bytes.toString('latin1', 2).split('\0');
      acknowledge();
      continue;
    }
    const isNext = bytes.readUInt16BE(2) === ((parts.length + 1) & 0xff_ff);
    if (isNext) parts.push(bytes.subarray(4));
    const isLast = isNext && bytes.length - 4 < number('blksize', 512);
    if (!isNext || isLast || parts.length % number('windowsize', 1) === 0) acknowledge();
    if (isLast)
      return { content: Buffer.concat(parts), options: agreed.join(' ').trim(), error: undefined };
  }
}

describe('TFTP', () => {
  it('gives loaders, kernels and the first script, with and without options', async () => {
    const { tftp } = await start();
    const plain = await fetchFile(tftp, 'x86_64/ipxe.efi');
    expect(plain.content.equals(loader)).toBe(true);
    const asked = ['blksize', '1432', 'tsize', '0', 'windowsize', '8'];
    const quick = await fetchFile(tftp, '/x86_64/kernel', asked);
    expect(quick.content.equals(loader)).toBe(true);
    expect(quick.options).toBe('blksize 1432 windowsize 8 tsize 100000');
    expect((await fetchFile(tftp, 'start.ipxe')).content.toString()).toBe('#!ipxe\nshell\n');
    expect((await fetchFile(tftp, 'start.ipxe', [], { mode: 'NetASCII' })).error).toBeUndefined();
  });

  it("gives GRUB what it asks for by shim's place, by its own and by the paths of HTTP", async () => {
    const { tftp } = await start();
    for (const [name, content] of [
      ['grub/grub.cfg', 'for all'],
      ['/boot/grub.cfg', 'for all'],
      ['/boot/grub.cfg?mac=52:54:00:00:00:01', 'for 52:54:00:00:00:01'],
    ] as const) {
      expect([name, (await fetchFile(tftp, name)).content.toString()]).toEqual([name, content]);
    }
    for (const name of ['x86_64/grubx64.efi', '/boot/x86_64/kernel']) {
      expect((await fetchFile(tftp, name)).content.equals(loader)).toBe(true);
    }
  });

  it('gives nothing else, whatever the name', async () => {
    const { tftp } = await start();
    const names = [
      'secret',
      '../secret',
      'x86_64/../secret',
      '/etc/passwd',
      '..\\secret',
      'x86_64',
      '.',
      '/',
      'x86_64/tools',
      'x86_64//kernel',
      'X86_64/KERNEL',
      '__proto__',
      '%2e%2e/secret',
      'x86_64/kernel ',
      'arm64/kernel',
      'boot/boot/x86_64/kernel',
      'boot/../secret',
      'grub/x86_64-efi/grub.cfg',
      'grub.cfg?mac=52:54:00:00:00:01',
      'boot/grub.cfg?mac=1?mac=2',
    ];
    for (const name of names) {
      expect([name, (await fetchFile(tftp, name)).error]).toEqual([name, 'no such file']);
    }
    const written = await fetchFile(tftp, 'x86_64/kernel', [], { opcode: 2 });
    expect(written.error).toBe('this server takes no files');
    expect((await fetchFile(tftp, 'start.ipxe', [], { mode: 'mail' })).error).toBe(
      'the mode must be octet',
    );
  });

  it('sends again what was lost', async () => {
    const { tftp } = await start();
    let count = 0;
    const loses = (): boolean => (count += 1) === 2;
    const { content } = await fetchFile(tftp, 'start.ipxe', ['blksize', '512'], { loses });
    expect(content.toString()).toBe('#!ipxe\nshell\n');
  });

  it('sends a lost block again to a client that acknowledges the one before over and over', async () => {
    const { tftp } = await start();
    const socket = await socketAt();
    socket.send('\0\x01x86_64/kernel\0octet\0', tftp, address);
    const { from } = await message(socket);
    const acknowledge = (): void => {
      socket.send(Buffer.from([0, 4, 0, 1]), from.port, address);
    };
    acknowledge();
    const timer = setInterval(acknowledge, 100);
    socket.once('close', () => {
      clearInterval(timer);
    });
    let arrivals = 0;
    while (arrivals < 2) {
      const { bytes } = await message(socket);
      if (bytes.readUInt16BE(2) === 2) arrivals += 1;
    }
    expect(arrivals).toBe(2);
  });

  it('sends a file to the end that it had when it was opened, and no part of one for a whole', async () => {
    const { tftp, dir, said } = await start();
    const path = join(dir, 'x86_64', 'kernel');
    let isGrown = false;
    const grows = (): boolean => {
      if (!isGrown) appendFileSync(path, loader);
      isGrown = true;
      return false;
    };
    const { content } = await fetchFile(tftp, 'x86_64/kernel', [], { loses: grows });
    expect(content.equals(loader)).toBe(true);
    const socket = await socketAt();
    socket.send('\0\x01x86_64/kernel\0octet\0', tftp, address);
    const { from } = await message(socket);
    truncateSync(path, 700);
    socket.send(Buffer.from([0, 4, 0, 1]), from.port, address);
    const failed = ['a TFTP transfer failed: undefined'];
    await expect.poll(() => said, { timeout: 20_000 }).toEqual(failed);
  });

  it('serves many machines at once, and ends with the server', async () => {
    const { tftp, stop } = await start();
    const all = await Promise.all(
      Array.from({ length: 8 }, () => fetchFile(tftp, 'x86_64/ipxe.efi', ['blksize', '1432'])),
    );
    expect(all.every(({ content }) => content.equals(loader))).toBe(true);
    stop.abort();
    const client = await socketAt();
    // Nothing listens: the kernel says so.
    client.connect(tftp, address);
    await once(client, 'connect');
    const refused = once(client, 'error');
    client.send('\0\x01start.ipxe\0octet\0');
    expect(String((await refused)[0])).toContain('ECONNREFUSED');
  });

  it('keeps no more than its share for one address', async () => {
    const { tftp } = await start();
    const silent = await Promise.all(Array.from({ length: 8 }, () => socketAt()));
    const read = '\0\x01x86_64/kernel\0octet\0';
    await Promise.all(
      silent.map((socket) => {
        socket.send(read, tftp, address);
        return message(socket);
      }),
    );
    const ninth = await socketAt();
    let isAnswered = false;
    ninth.on('message', () => {
      isAnswered = true;
    });
    ninth.send(read, tftp, address);
    // Another address is answered, later than the ninth would have been.
    const elsewhere = await socketAt('127.0.0.3');
    elsewhere.send(read, tftp, address);
    await message(elsewhere);
    expect(isAnswered).toBe(false);
  });
});
