// UDP sockets that outlive whatever comes in on them.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { AppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** Everybody on one network. */
export const everybody = '255.255.255.255';

export interface UdpPlace {
  readonly address: string;
  readonly port: number;
  readonly log: Log;
  /** Closes the socket. */
  readonly signal: AbortSignal;
}

/** Listens beside other programs that share the port. Errors: AppError `config.invalid`. */
export async function listenUdp(
  place: UdpPlace,
  take: (bytes: Uint8Array, from: RemoteInfo) => void,
): Promise<Socket> {
  const socket = await bind(place);
  socket.on('message', (bytes, from) => {
    // Nobody can be answered at port 0.
    if (from.port > 0) take(bytes, from);
  });
  return socket;
}

/** A socket that sends to everybody on the network of its address, and hears nothing: a program that has the
 *  same port still gets all that is sent there. Errors: AppError `config.invalid`. */
export async function broadcastFrom(place: UdpPlace, port: number): Promise<Socket> {
  const socket = await bind(place);
  socket.setBroadcast(true);
  try {
    // Nobody sends as everybody.
    await connectTo(socket, port, everybody);
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `cannot send to everybody on the network of ${place.address}`,
      { cause },
    );
  }
  return socket;
}

/** Has a socket send to one peer, and hear it alone. Errors: those of the system. */
export function connectTo(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Node hands an error to the callback, of which its types know nothing.
    socket.connect(port, address, (err?: Error) => {
      if (err === undefined) resolve();
      else reject(err);
    });
  });
}

/** True if no other program has a port. */
export async function isFree({ address, port }: UdpPlace): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: false });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port, exclusive: true }, resolve);
    });
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

async function bind({ address, port, log, signal }: UdpPlace): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    socket.close();
    throw new AppError(
      'config.invalid',
      `cannot listen on UDP port ${port} of ${address}${help(cause)}`,
      { cause },
    );
  }
  socket.on('error', (err) => {
    log.warn({ err, port }, 'a UDP socket reports an error');
  });
  const close = (): void => {
    socket.close();
  };
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
  return socket;
}

function help(cause: unknown): string {
  const { code }: { code?: unknown } = Object(cause);
  if (code === 'EACCES') return ': ports below 1024 take root or CAP_NET_BIND_SERVICE';
  if (code === 'EADDRNOTAVAIL') return ': this host has no such address';
  if (code === 'EADDRINUSE') return ': another program has it for itself';
  return '';
}
