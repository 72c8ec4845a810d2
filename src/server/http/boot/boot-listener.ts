// A listener without TLS for machines that boot: their files, and the report of an installed system. Firmware
// trusts no CA of an operator. Every other route is refused here.
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { App } from '../../services.ts';
import { answerClientError } from '../answers.ts';
import { limitConnections, limitPlainServer, plainServerOptions } from '../connections.ts';

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
/** The port of the listener that belongs to a server. */
const ports = new WeakMap<Server, number>();

/** Lets machines fetch boot files from `app` without TLS, and report. Errors: those of listening. */
export async function listenForBoots(
  app: App,
  { host, port, connectionsPerAddress = 1024 }: BootListenerOptions,
): Promise<BootListener> {
  const server = createServer(plainServerOptions, (request, response) => {
    app.routing(request, response);
  });
  limitPlainServer(server);
  server.on('clientError', answerClientError);
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
  });
  limitConnections(server, connectionsPerAddress);
  server.listen({ host, port });
  await once(server, 'listening');
  const bound = portOf(server);
  ports.set(app.server, bound);
  const shown = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host;
  return {
    url: originOf('http', shown, bound),
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

/** The port of a server's listener for boot files, if it has one. */
export function bootPortOf(server: Server): number | undefined {
  return ports.get(server);
}

/** The address of a server itself, under the name by which a request calls its listener for boot files. */
export function mainOrigin(server: Server, scheme: 'http' | 'https', hostname: string): string {
  return originOf(scheme, hostname, portOf(server));
}

function portOf(server: Server): number {
  // The address of a server that listens on TCP is an object; it has none while it does not listen.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (server.address() as AddressInfo | null)?.port ?? 0;
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
