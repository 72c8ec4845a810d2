// Answers in the server's place while its data is checked, which may take minutes: alive, and not ready. A supervisor or a
// load balancer that found the port closed would take the server for dead.
import { once } from 'node:events';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { AppError, httpStatus } from '../../../core/errors.ts';
import {
  limitConnections,
  serverOptions,
  type TlsTexts,
} from '../../../server/http/connections.ts';
import { failureOf } from '../../../server/rules/failures.ts';
import { listen } from './listen.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsTexts | undefined;
  readonly connectionsPerAddress: number;
}

export class Waiting {
  #server: Server | undefined;
  #share = 0;

  /** Returns its URL. Errors: AppError `config.invalid` where it cannot listen. */
  async listen({ host, port, tls, connectionsPerAddress }: Place): Promise<string> {
    const options = serverOptions(tls);
    const server = 'https' in options ? createHttps(options.https) : createHttp(options.http);
    server.on('request', this.#answer);
    limitConnections(server, connectionsPerAddress);
    const bind = async (where: { host: string; port: number }) => {
      server.listen(where);
      await once(server, 'listening');
      const { address, family, port: bound } = portOf(server);
      const shown = family === 'IPv6' ? `[${address}]` : address;
      return `${tls === undefined ? 'http' : 'https'}://${shown}:${bound}`;
    };
    const url = await listen({ server, listen: bind }, host, port);
    this.#server = server;
    return url;
  }

  /** Is told the share of the data that is checked, 0 to 1. */
  readonly progress = (share: number): void => {
    this.#share = share;
  };

  /** Frees its port, and returns it for the server to listen there; undefined if it has none. */
  async end(): Promise<number | undefined> {
    const server = this.#server;
    if (server === undefined) return undefined;
    this.#server = undefined;
    const { port } = portOf(server);
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    return port;
  }

  readonly #answer: RequestListener = ({ url = '' }, response) => {
    const [path] = url.split('?');
    const isAlive = path === '/api/health';
    const error = new AppError(
      'store.unavailable',
      `the data is being checked after a stop that was not clean: ${Math.floor(this.#share * 100)} % of it`,
    );
    response.writeHead(isAlive ? 200 : (httpStatus(error.code) ?? 503), {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(isAlive ? {} : { 'retry-after': '2' }),
    });
    response.end(JSON.stringify(isAlive ? { status: 'ok' } : failureOf(error)));
  };
}

function portOf(server: Server): AddressInfo {
  // A server that listens on TCP has a port.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return server.address() as AddressInfo;
}
