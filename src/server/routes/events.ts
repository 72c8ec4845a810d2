// The event stream for pages and scripts: server-sent events, resumable by Last-Event-ID.
import { Type } from 'typebox';
import type { ServerResponse } from 'node:http';
import { AppError } from '../../core/errors.ts';
import { isOperator } from '../access/principal.ts';
import { isLoopback } from '../http/connections.ts';
import { eventText, type ServerEvent } from '../../model/api/events.ts';
import type { App, Services } from '../services.ts';
import { errors } from './route.ts';

const maxStreams = 256;
/** A watcher that falls this far behind is disconnected; it can resume. Units: bytes. */
const maxBacklog = 1024 * 1024;
/** A comment is sent this often, so that neither end takes silence for a lost connection. */
const keepAliveMs = 15_000;

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
      if (s.events.subscribers >= maxStreams) {
        throw new AppError('server.busy', `${maxStreams} event streams are already open`);
      }
      const clients = isLoopback(request.ip) ? [] : [`address ${request.ip}`];
      if (isOperator(request.principal)) clients.push(`token ${request.principal.name}`);
      const end = s.limits.stream(clients);
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
      await stream(s, reply.raw, request.headers['last-event-id']);
    },
  );
}

async function stream(
  s: Services,
  response: ServerResponse,
  lastId: string | undefined,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    gone.abort();
  });
  const signal = AbortSignal.any([gone.signal, s.stopping]);
  const send = (event: ServerEvent): void => {
    write(response, eventText(event));
  };
  const missed = lastId === undefined ? [] : s.events.since(lastId);
  if (missed === undefined) {
    send({ id: s.events.lastId, type: 'reset', data: {} });
  } else {
    write(response, `: the newest is ${s.events.lastId}\n\n`);
    for (const event of missed) send(event);
  }
  const unsubscribe = s.events.subscribe(send);
  try {
    while (!signal.aborted) {
      await s.clock.sleep(keepAliveMs, signal);
      write(response, ': still here\n\n');
    }
  } catch (err) {
    if (!signal.aborted) throw err;
  } finally {
    unsubscribe();
    response.end();
  }
}

function write(response: ServerResponse, text: string): void {
  response.write(text);
  if (response.writableLength > maxBacklog) response.destroy();
}
