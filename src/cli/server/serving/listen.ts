// Addresses to listen on, and the error when the server cannot listen there.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { AppError } from '../../../core/errors.ts';
import type { BootListener } from '../../../server/http/boot/boot-listener.ts';
import type { App } from '../../../server/services.ts';
import { addressesOf } from '../../../transport/names.ts';

interface Listens {
  readonly server: Server;
  /** Gives the URL. */
  listen(place: { host: string; port: number }): Promise<string>;
}

/** Listens and returns the URL: for localhost at each of its addresses. Errors: AppError `config.invalid`. */
export async function listen(app: Listens, host: string, port: number): Promise<string> {
  try {
    const [first = host, ...others] = host === 'localhost' ? await addressesOf(host) : [host];
    const url = await app.listen({ host: first, port });
    for (const other of others) await listenAlso(app.server, other);
    return url;
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `cannot listen on ${host} port ${port}; choose another with --listen`,
      { cause },
    );
  }
}

/** Takes connections at another address, and hands them to the server: there they are like all others. */
async function listenAlso(server: Server, host: string): Promise<void> {
  // A server that listens on TCP has a port.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  const door = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    server.emit('connection', socket);
  });
  try {
    door.listen({ host, port });
    await once(door, 'listening');
  } catch (err) {
    // Many hosts name ::1 and have no IPv6.
    if (isAbsent(err)) return;
    throw err;
  }
  server.once('close', () => door.close());
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
