// Addresses to listen on, and the error when the server cannot listen there.
import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { AppError } from '../../../core/errors.ts';
import type { BootListener } from '../../../server/http/boot/boot-listener.ts';
import type { App } from '../../../server/services.ts';
import { addressesOf } from '../../../transport/names.ts';

/** A server that listens. */
export interface Listening {
  readonly url: string;
  /** The server, and those that take connections for it at other addresses. */
  readonly at: readonly [HttpServer, ...Server[]];
}

/** Listens: for localhost at each of its addresses. Errors: AppError `config.invalid`. */
export async function listen(server: HttpServer, host: string, port: number): Promise<Listening> {
  try {
    const [first = host, ...others] = host === 'localhost' ? await addressesOf(host) : [host];
    const address = await bound(server, { host: first, port });
    const doors: Server[] = [];
    for (const other of others) {
      const door = doorOf(server);
      try {
        await bound(door, { host: other, port: address.port });
        doors.push(door);
      } catch (err) {
        // Many hosts name ::1 and have no IPv6.
        if (!isAbsent(err)) throw err;
      }
    }
    return { url: urlOf(server, address), at: [server, ...doors] };
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `cannot listen on ${host} port ${port}; choose another with --listen`,
      { cause },
    );
  }
}

/** Takes the place of a server that listens: no connection is refused meanwhile. Those that are open stay with it. */
export async function takeOver(server: HttpServer, { url, at }: Listening): Promise<Listening> {
  const [old, ...doors] = at;
  await bound(server, old);
  for (const door of doors) await bound(doorOf(server), door);
  return { url, at };
}

/** Takes connections at another address, and hands them to the server: there they are like all others. */
function doorOf(server: HttpServer): Server {
  const door = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    server.emit('connection', socket);
  });
  server.once('close', () => door.close());
  return door;
}

async function bound(
  server: Server,
  place: Server | { readonly host: string; readonly port: number },
): Promise<AddressInfo> {
  server.listen(place);
  await once(server, 'listening');
  // A server that listens on TCP has a port.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return server.address() as AddressInfo;
}

function urlOf(server: HttpServer, { address, family, port }: AddressInfo): string {
  const scheme = server instanceof TlsServer ? 'https' : 'http';
  const all = address === '0.0.0.0' ? '127.0.0.1' : address;
  return `${scheme}://${family === 'IPv6' ? `[${all}]` : all}:${port}`;
}

function isAbsent(err: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(Object(err).code);
}

/** Listens for machines that boot as well. Errors: AppError `config.invalid`. */
export async function listenForBootsOn(
  app: App,
  { host, port }: { readonly host: string; readonly port: number },
  connectionsPerAddress: number,
): Promise<BootListener> {
  const { listenForBoots } = await import('../../../server/http/boot/boot-listener.ts');
  try {
    return await listenForBoots(app, { host, port, connectionsPerAddress });
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `cannot listen on ${host} port ${port}; choose another with --boot-listen`,
      { cause },
    );
  }
}

/** "127.0.0.1:3000", "[::1]:3000", or ":3000" for all addresses.
 *  Errors: AppError `config.invalid`, which names `flag`. */
export function parseListen(text: string, flag = '--listen'): { host: string; port: number } {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  if (portText === undefined || port > 65_535) {
    throw new AppError(
      'config.invalid',
      `${flag} ${text} must be an address and a port, such as 127.0.0.1:3000`,
    );
  }
  return { host: (bracketed ?? plain) || '::', port };
}

/** True for the addresses that stand for all of them. */
export function isForAll(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
