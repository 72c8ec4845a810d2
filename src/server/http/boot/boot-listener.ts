// A listener without TLS for machines that boot: their files, and the report of an installed system. Firmware
// trusts no CA of an operator. Every other route is refused here.
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { App } from '../../services.ts';
import { limitConnections, plainServerOptions, setUpConnections } from '../connections.ts';

export interface BootListenerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** The most connections per address, as for the server itself. */
  readonly connectionsPerAddress?: number;
}

export interface BootListener {
  readonly url: string;
  /** Takes no more requests, and waits for the answers to those that came. */
  close(): Promise<void>;
  /** Ends those answers as well. */
  cut(): void;
}

/** The connections that such listeners took. */
const connections = new WeakSet<Socket>();
/** The address of the listener that belongs to a server. */
const places = new WeakMap<Server, Place>();

interface Place {
  readonly host: string;
  readonly port: number;
}

/** Lets machines fetch boot files from `app` without TLS, and report. Errors: those of listening. */
export async function listenForBoots(
  app: App,
  { host, port, connectionsPerAddress = 1024 }: BootListenerOptions,
): Promise<BootListener> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    app.routing(request, response);
  };
  const server = createServer(plainServerOptions, answer);
  setUpConnections(server);
  server.on('checkExpectation', answer);
  server.on('clientError', (err, socket) => app.server.emit('clientError', err, socket));
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
  });
  limitConnections(server, connectionsPerAddress);
  server.listen({ host, port });
  await once(server, 'listening');
  const bound = placeOf(server);
  places.set(app.server, bound);
  return {
    url: originOf('http', isForAll(host) ? '127.0.0.1' : host, bound.port),
    close: () => closed(server),
    cut: () => {
      server.closeAllConnections();
    },
  };
}

/** True for a connection to the listener for boot files. */
export function isBootConnection(socket: Socket): boolean {
  return connections.has(socket);
}

/** A way by which a machine reached one listener of a server: the host that it called, and the address of this host
 *  at the end of its connection. */
export interface Way {
  readonly hostname: string;
  readonly end: string | undefined;
}

/** The address of a server's listener for boot files, if it has one, for somebody who reached the server itself. */
export function bootOrigin(server: Server, way: Way): string | undefined {
  const place = places.get(server);
  return place && originOf('http', hostOn(place, way), place.port);
}

/** The address of a server itself, for somebody who reached its listener for boot files. */
export function mainOrigin(server: Server, scheme: 'http' | 'https', way: Way): string {
  const place = placeOf(server);
  return originOf(scheme, hostOn(place, way), place.port);
}

/** The host by which somebody reaches a listener: that which they called, unless it is an address of this host at which
 *  that listener does not listen. A name may have both addresses; and where the end of the connection is another
 *  address than was called, something in between translates, and this host's own addresses say nothing. */
function hostOn({ host }: Place, { hostname, end }: Way): string {
  const called = bare(hostname);
  return isForAll(host) || called !== bare(end ?? '') ? hostname : host;
}

function isForAll(host: string): boolean {
  return host === '::' || host === '0.0.0.0';
}

/** An address without brackets, and IPv4 as such where it came in on a socket for IPv6. */
function bare(host: string): string {
  return host.replaceAll(/[[\]]/g, '').replace(/^::ffff:(?=\d+\.)/i, '');
}

function placeOf(server: Server): Place {
  // The address of a server that listens on TCP is an object; it has none while it does not listen.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const found = server.address() as AddressInfo | null;
  return { host: found?.address ?? '::', port: found?.port ?? 0 };
}

function originOf(scheme: string, hostname: string, port: number): string {
  const isBare6 = hostname.includes(':') && !hostname.startsWith('[');
  return `${scheme}://${isBare6 ? `[${hostname}]` : hostname}:${port}`;
}

function closed(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
