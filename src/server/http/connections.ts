// Limits on connections, so that a slow or greedy client cannot tie up the server.
import type { Server as HttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { networkOf } from '../../core/text/network-of.ts';
import { count, networkFactor } from '../running/limits.ts';
import { lastCertificate, pinFor } from './certificates.ts';

/** PEM texts. With `ca`, clients must present a certificate that it signed. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string | undefined;
}

const bodyLimit = 1024 * 1024;
/** From the first byte of a request to its last. Units: milliseconds. */
const requestTimeout = 30_000;
/** A connection without a byte in either direction for this long is closed. Event streams speak more often.
 *  Units: milliseconds. */
const silence = 120_000;
const node = {
  headersTimeout: 10_000,
  requestTimeout,
  /** The interval at which Node looks for requests that take too long. */
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 16 * 1024,
  /** Its answer would have no body; guard.ts refuses such requests in the form of all errors. */
  requireHostHeader: false,
};

/** Clients are told to use no connection again that was silent for so long: well before `silence`, and longer than the idle
 *  timeout of common proxies, so that they close first. It is a header of ours, since Node, where it is to say it, sets up a
 *  timer before and after each request, which costs as much as the order in a heartbeat. Units: seconds. */
export const keepAlive = 'timeout=75';

/** The options of a server without TLS beside fastify's own. */
export const plainServerOptions = { ...node };

/** Sets the limits of silent connections, and that a client which says that it will ask no more still gets its answer:
 *  Node has an option for neither, and by itself drops what is not sent yet. */
export function setUpConnections(server: HttpServer): void {
  server.setTimeout(silence);
  server.keepAliveTimeout = 0;
  // Node documents it in its source alone, and its types do not have it.
  Object.assign(server, { httpAllowHalfOpen: true });
}

/** The options for fastify that concern connections. */
export function serverOptions(tls: TlsTexts | undefined) {
  const common = {
    bodyLimit,
    requestTimeout,
    routerOptions: { maxParamLength: 512 },
  };
  if (tls === undefined) return { ...common, http: node };
  // Until its handshake is over a connection sends no request that would have a time of its own. Ten thousand machines
  // that power on together wait for each other: a handshake takes milliseconds of the processor.
  const own = { handshakeTimeout: 60_000, minVersion: 'TLSv1.2' as const };
  return { ...common, https: { ...node, ...tlsContext(tls), ...own } };
}

/** The part of TLS that can be renewed while the server runs. */
function tlsContext({ cert, key, ca }: TlsTexts) {
  const clients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return { cert, key, ...clients };
}

/** Refuses new connections from an address that has `limit` of them, and from a network of IPv6 that has many times as
 *  many: a host gives itself as many addresses there as it likes. Loopback is exempt: with a proxy on this host, everybody
 *  comes from there. */
export function limitConnections(server: Server, limit: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (isLoopback(address)) return;
    const network = networkOf(address);
    const most = new Map([[address, limit]]);
    if (network !== undefined) most.set(network, limit * networkFactor);
    for (const [client, allowed] of most) {
      if ((open.get(client) ?? 0) < allowed) continue;
      socket.destroy();
      return;
    }
    for (const client of most.keys()) count(open, client, 1);
    socket.once('close', () => {
      for (const client of most.keys()) count(open, client, -1);
    });
  });
}

/** The connections of each server. Node itself knows of those alone that got past their handshake of TLS, and a server is
 *  not closed before all are. */
const open = new WeakMap<Server, Set<Socket>>();

export function noteConnections(server: Server): void {
  const sockets = new Set<Socket>();
  open.set(server, sockets);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
}

/** Ends those connections of a server that brought no byte so far, and each once its handshake of TLS is over: Node does
 *  not count them as idle when it closes a server. */
export function endSilent(server: Server): void {
  server.prependListener('secureConnection', (socket: Socket) => socket.destroy());
  for (const socket of open.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy();
}

/** Ends all connections of a server. */
export function endConnections(server: HttpServer): void {
  server.closeAllConnections();
  for (const socket of open.get(server) ?? []) socket.destroy();
}

/** True for an address or host name of the loopback interface. */
export function isLoopback(host: string): boolean {
  return /^(\[?::1\]?|(::ffff:)?127(\.\d{1,3}){3}|localhost)$/i.test(host);
}

interface Shown {
  readonly chain: string;
  readonly pin: string | undefined;
}

/** The certificate chain that each server shows. */
const shown = new WeakMap<Server, Shown>();

export function noteCertificate(server: Server, tls: TlsTexts | undefined): void {
  if (tls !== undefined) shown.set(server, { chain: tls.cert, pin: pinFor(tls.cert) });
}

/** The certificate chain that a server shows, PEM; undefined without TLS. */
export function certificateOf(server: Server): string | undefined {
  return shown.get(server)?.chain;
}

/** The certificate, PEM, that machines may trust a server by; "" without TLS. */
export function caOf(server: Server): string {
  return lastCertificate(certificateOf(server) ?? '');
}

/** The SHA-256 by which agents are to know a server's CA; undefined without TLS, or where they know it. */
export function pinOf(server: Server): string | undefined {
  return shown.get(server)?.pin;
}

/** Uses another certificate from the next connection on. Throws if certificate and key do not match. */
export function renewTls(server: Server, texts: TlsTexts): void {
  if (!(server instanceof TlsServer)) return;
  server.setSecureContext(tlsContext(texts));
  noteCertificate(server, texts);
}
