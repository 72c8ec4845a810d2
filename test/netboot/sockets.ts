// A netboot server over real sockets on loopback, at ports that take no rights, and those who ask it.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Log } from '../../src/core/log.ts';
import { serveNetboot } from '../../src/netboot/netboot.ts';
import { BootDir } from '../../src/server/http/boot/boot-dir.ts';
import { temporaryDirectory } from '../server/harness.ts';

export const address = '127.0.0.1';

export const loader = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));

export async function start({ shimmed }: { shimmed?: string } = {}) {
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

export async function socketAt(host = address, port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, host);
  await once(socket, 'listening');
  onTestFinished(() => {
    socket.close();
  });
  return socket;
}

export async function message(socket: Socket): Promise<{ bytes: Buffer; from: RemoteInfo }> {
  const [bytes, from] = await once(socket, 'message');
  return { bytes, from };
}
