// The event stream for pages and scripts: server-sent events, resumable by Last-Event-ID.
import { Type } from 'typebox';
import type { FastifyRequest } from 'fastify';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { holdUnread } from '../http/large-answers.ts';
import { admitMs, isAdmitted } from '../http/admitted.ts';
import { eventText, type ServerEvent } from '../../model/api/events.ts';
import type { App, Services } from '../services.ts';
import { errors, streamClients } from './route.ts';

/** A watcher that falls this far behind is disconnected; it can resume. Units: bytes. */
const maxBacklog = 1024 * 1024;
/** A comment is sent this often, so that neither end takes silence for a lost connection. */
const keepAliveMs = 15_000;
const keepAlive = ': still here\n\n';
/** After a comment for one that may be gone, a second one that fails if it is. */
const answeredMs = 1000;

export function eventRoutes(app: App, s: Services): void {
  app.get(
    '/api/events',
    {
      // A HEAD would open a stream that nobody can read.
      exposeHeadRoute: false,
      config: { access: 'read', quiet: true },
      schema: {
        tags: ['events'],
        summary: 'Stream server-sent events; "reset" means that some were missed',
        produces: ['text/event-stream'],
        headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 128 })) }),
        response: { 200: Type.String(), ...errors },
      },
    },
    async (request, reply) => {
      // A reader who went while the sender was asked for closes nothing any more, and would be kept for ever.
      if (reply.raw.destroyed) {
        reply.hijack();
        return;
      }
      const end = s.limits.stream('event streams', streamClients(request));
      reply.raw.on('close', end);
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // Kept alive, it would hold up a server that is stopping.
        connection: 'close',
        'x-accel-buffering': 'no',
      });
      await stream(s, request, reply.raw);
    },
  );
}

async function stream(
  s: Services,
  request: FastifyRequest,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    gone.abort();
  });
  const signal = AbortSignal.any([gone.signal, s.stopping]);
  const grown = holdUnread(s, response);
  const write = (text: string): void => {
    if (response.writableEnded) return;
    response.write(text);
    if (response.writableLength > maxBacklog) response.destroy();
    else grown();
  };
  const send = (event: ServerEvent): void => {
    write(eventText(event));
  };
  const { 'last-event-id': last } = request.headers;
  const lastId = last === undefined ? undefined : String(last);
  const missed = lastId === undefined ? [] : s.events.since(lastId);
  if (missed === undefined) {
    send({ id: s.events.lastId, type: 'reset', data: {} });
  } else {
    write(`: the newest is ${s.events.lastId}\n\n`);
    for (const event of missed) send(event);
  }
  const unsubscribe = s.events.subscribe(send);
  void findGone(request.raw.socket, () => write(keepAlive), s.clock, signal);
  try {
    for (let silentMs = 0; await isAdmitted(s, request); silentMs += admitMs) {
      if (silentMs >= keepAliveMs) {
        write(keepAlive);
        silentMs = 0;
      }
      await s.clock.sleep(admitMs, signal);
    }
  } catch (err) {
    if (!signal.aborted) throw err;
  } finally {
    unsubscribe();
    response.end();
  }
}

/** Finds out whether a reader that says that it asks no more is gone, which shows in what is sent to it. */
async function findGone(
  socket: Socket,
  write: () => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (!socket.readableEnded) await once(socket, 'end', { signal });
    write();
    await clock.sleep(answeredMs, signal);
    write();
  } catch {
    // The connection failed, or the stream has ended: nobody is left to ask.
  }
}
