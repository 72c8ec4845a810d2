// Requests that a client sends before its earlier ones are answered. Node would take all of them at once, and their answers
// would wait in memory for a reader who may never read.
import { AsyncResource } from 'node:async_hooks';
import type { onRequestHookHandler } from 'fastify';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../../core/errors.ts';
import type { App } from '../services.ts';

/** A client that sends more at once is cut off, because waiting requests take memory too. */
const mostWaiting = 100;
/** All clients together have no more. */
const mostWaitingOfAll = 5000;

interface Connection {
  /** The answer that has not gone out yet, of the newest request. */
  last: ServerResponse | undefined;
  /** The id of that request, where fastify has it. */
  id: string | undefined;
  waiting: number;
}

const connections = new WeakMap<Socket, Connection>();

/** The answer to the newest request of a connection, until it has gone out, and the id of the request. */
export function underWay(
  socket: Socket,
): { readonly answer: ServerResponse; readonly id: string | undefined } | undefined {
  const { last: answer, id } = connections.get(socket) ?? {};
  return answer === undefined ? undefined : { answer, id };
}

/** The turns of the requests of each connection. */
export interface Turns {
  /** Takes the turn of a request now, ahead of fastify. False where it has to wait for one before it. */
  readonly take: (socket: Socket, response: ServerResponse) => boolean;
  /** Waits until all answers have gone out: a server that closes would cut what Node has not sent, and waits for no connection
   *  that another listener handed to it. */
  readonly areSent: () => Promise<void>;
}

/** Serves the requests of one connection one after another, each once the answer before it has gone out. From when `stopping`
 *  aborts, new requests are refused, and the last answer ends the connection, which its client would keep for more. */
export function serveInTurn(app: App, stopping: AbortSignal): Turns {
  const answers = new Set<ServerResponse>();
  let waitingOfAll = 0;
  const connectionOf = (socket: Socket): Connection => {
    const connection = connections.get(socket) ?? { last: undefined, id: undefined, waiting: 0 };
    connections.set(socket, connection);
    return connection;
  };
  const begin = (
    connection: Connection,
    socket: Socket,
    response: ServerResponse,
    id?: string,
  ): void => {
    connection.last = response;
    connection.id = id;
    answers.add(response);
    response.once('close', () => {
      answers.delete(response);
      if (connection.last !== response) return;
      connection.last = undefined;
      if (stopping.aborted) socket.destroySoon();
    });
  };
  const inTurn: onRequestHookHandler = ({ id, raw: { socket } }, { raw: response }, done) => {
    const connection = connectionOf(socket);
    const before = connection.last;
    // It was taken ahead of fastify.
    if (before === response) {
      done();
      return;
    }
    if (stopping.aborted) {
      done(new AppError('server.busy', 'the server is shutting down: repeat the request later'));
      return;
    }
    begin(connection, socket, response, id);
    if (before === undefined) {
      done();
      return;
    }
    if (connection.waiting >= mostWaiting || waitingOfAll >= mostWaitingOfAll) {
      socket.destroy();
      return;
    }
    connection.waiting += 1;
    waitingOfAll += 1;
    // Not in the context of the request before: its sender may be an operator who did not send this one.
    const goOn = AsyncResource.bind(() => {
      connection.waiting -= 1;
      waitingOfAll -= 1;
      if (!socket.destroyed) done();
    });
    before.once('close', goOn);
  };
  app.addHook('onRequest', inTurn);
  return {
    take(socket, response) {
      const connection = connectionOf(socket);
      if (stopping.aborted || connection.last !== undefined) return false;
      begin(connection, socket, response);
      return true;
    },
    async areSent() {
      while (answers.size > 0) await Promise.all([...answers].map(closed));
    },
  };
}

function closed(answer: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    answer.once('close', resolve);
  });
}
