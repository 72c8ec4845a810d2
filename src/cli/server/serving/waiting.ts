// Answers in the server's place while its data is checked, which may take minutes: alive, and not ready. A supervisor or a
// load balancer that found the port closed would take the server for dead.
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { AppError, httpStatus } from '../../../core/errors.ts';
import {
  endConnections,
  limitConnections,
  noteConnections,
  serverOptions,
  type TlsTexts,
} from '../../../server/http/connections.ts';
import { failureOf } from '../../../server/rules/failures.ts';
import { listen, takeOver, type Listening } from './listen.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsTexts | undefined;
  readonly connectionsPerAddress: number;
}

export class Waiting {
  #server: Server | undefined;
  #successor: Server | undefined;
  #listening: Listening | undefined;
  #share = 0;

  /** Returns its URL. Errors: AppError `config.invalid` where it cannot listen. */
  async listen({ host, port, tls, connectionsPerAddress }: Place): Promise<string> {
    const options = serverOptions(tls);
    const server = 'https' in options ? createHttps(options.https) : createHttp(options.http);
    server.on('request', this.#answer);
    noteConnections(server);
    limitConnections(server, connectionsPerAddress);
    // It may listen at one address of localhost and fail at the other.
    this.#server = server;
    this.#listening = await listen(server, host, port);
    return this.#listening.url;
  }

  /** Is told the share of the data that is checked, 0 to 1. */
  readonly progress = (share: number): void => {
    this.#share = share;
  };

  /** Has the server listen in its place; undefined where it did not. The next request of each who is connected is the
   *  server's as well, and ends the connection. */
  async handOver(server: Server): Promise<string | undefined> {
    if (this.#listening === undefined) return undefined;
    this.#successor = server;
    return (await takeOver(server, this.#listening)).url;
  }

  /** Ends all connections to it, and listens no more. */
  end(): void {
    this.#server?.close();
    if (this.#server !== undefined) endConnections(this.#server);
  }

  readonly #answer: RequestListener = (request, response) => {
    response.shouldKeepAlive = false;
    if (this.#successor !== undefined) {
      this.#successor.emit('request', request, response);
      return;
    }
    const [path] = (request.url ?? '').split('?');
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
