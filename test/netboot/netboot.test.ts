// ProxyDHCP and TFTP over real sockets on loopback, at ports that take no rights.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Log } from '../../src/core/log.ts';
import { serveNetboot } from '../../src/netboot/netboot.ts';
import { connectTo, everybody } from '../../src/netboot/udp.ts';
import { BootDir } from '../../src/server/http/boot/boot-dir.ts';
import { temporaryDirectory } from '../server/harness.ts';
import { clientRequest, readReply } from './dhcp/client.ts';

const address = '127.0.0.1';
/** The machine that `clientRequest` speaks for. */
const machineMac = '52:54:00:00:00:01';
const loader = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));

async function start({ shimmed }: { shimmed?: string } = {}) {
  const dir = temporaryDirectory();
  mkdirSync(join(dir, 'x86_64'));
  for (const file of ['ipxe.efi', 'shimx64.efi', 'grubx64.efi', 'kernel'])
    writeFileSync(join(dir, 'x86_64', file), loader);
  writeFileSync(join(dir, 'secret'), 'not for machines');
  const boot = await BootDir.at(dir, systemClock);
  const stop = new AbortController();
  onTestFinished(() => {
    stop.abort();
  });
  const said: string[] = [];
  const note = (fields: Record<string, unknown>, text: string): void => {
    said.push(`${text}: ${String(fields['firmware'])}`);
  };
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const ports = await serveNetboot({
    address,
    filesUrl: 'http://127.0.0.1:3000/boot',
    has: (file) => boot.has(file),
    open: (name) => boot.open(name),
    startScript: () => Promise.resolve('#!ipxe\nshell\n'),
    grubScript: (mac) => Promise.resolve(`for ${mac ?? 'all'}`),
    loaderFor: (mac) => Promise.resolve(mac === shimmed ? 'shim' : 'ipxe'),
    clock: systemClock,
    log,
    signal: stop.signal,
    ports: { dhcp: 0, client: 0, pxe: 0, tftp: 0 },
  });
  return { ...ports, dir, said, stop };
}

async function socketAt(host = address, port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, host);
  await once(socket, 'listening');
  onTestFinished(() => {
    socket.close();
  });
  return socket;
}

async function message(socket: Socket): Promise<{ bytes: Buffer; from: RemoteInfo }> {
  const [bytes, from] = await once(socket, 'message');
  return { bytes, from };
}

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

const uefi = { architecture: 7, vendorClass: 'PXEClient:Arch:00007:UNDI:003000' };

describe('ProxyDHCP', () => {
  it('offers through a relay, and confirms to who asks at port 4011', async () => {
    const { dhcp, pxe, said } = await start();
    const relay = await socketAt('127.0.0.2', dhcp);
    relay.send(clientRequest({ ...uefi, relay: '127.0.0.2' }), dhcp, address);
    const offer = await message(relay);
    expect(offer.from).toMatchObject({ address, port: dhcp });
    expect(readReply(offer.bytes)).toMatchObject({ type: 2, file: 'x86_64/ipxe.efi' });
    const client = await socketAt();
    client.send(clientRequest({ ...uefi, type: 3 }), pxe, address);
    expect(readReply((await message(client)).bytes)).toMatchObject({
      type: 5,
      file: 'x86_64/ipxe.efi',
      siaddr: address,
    });
    expect(said).toEqual(['told a machine what to boot: x64 UEFI']);
  });

  it('offers shim to the machine for which the operator chose it', async () => {
    const { pxe } = await start({ shimmed: machineMac });
    const client = await socketAt();
    client.send(clientRequest({ ...uefi, type: 3 }), pxe, address);
    expect(readReply((await message(client)).bytes).file).toBe('x86_64/shimx64.efi');
  });

  it('goes on after packets that are none, and says which machine it has no loader for', async () => {
    const { pxe, said } = await start();
    const client = await socketAt();
    for (const junk of ['', 'x', clientRequest(uefi).subarray(0, 250)])
      client.send(junk, pxe, address);
    client.send(
      clientRequest({ type: 3, architecture: 6, vendorClass: 'PXEClient:' }),
      pxe,
      address,
    );
    client.send(clientRequest({ ...uefi, type: 3 }), pxe, address);
    expect(readReply((await message(client)).bytes).type).toBe(5);
    expect(said[0]).toBe('there is no loader for a machine that asks to boot: 32-bit UEFI');
  });
});

it('a socket that cannot be connected is not used', async () => {
  const socket = await socketAt();
  // It may not send to everybody unless it is told to.
  await expect(connectTo(socket, 9, everybody)).rejects.toMatchObject({ code: 'EACCES' });
});

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
