// A short way for what agents send all the time: going through fastify costs as much again as everything else that most
// heartbeats take. A plain request is answered here, by the same functions as the others; any other request, and each one
// that is refused, goes on to fastify untouched.
import { tracingChannel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../core/clock.ts';
import type { App } from '../../services.ts';
import { answerText } from '../answers.ts';
import { commonHeaders, hostFault, type GuardServices } from '../guard.ts';
import { noteAnswer } from '../noted.ts';

/** A route whose plain requests need not go through fastify. */
export interface Shortcut {
  readonly path: string;
  /** Longer bodies go through fastify. Units: bytes. */
  readonly mostBytes: number;
  /** Left out of request logs and histograms. */
  readonly isQuiet: boolean;
  /** The headers of its answers beside those of all, names and values in turns. */
  readonly headers: readonly string[];
  /** The answer. undefined: fastify has to give one. */
  readonly answer: (request: PlainRequest) => object | undefined | Promise<object | undefined>;
}

interface ShortcutServices extends Pick<GuardServices, 'metrics' | 'log'> {
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}

/** A request whose body is here, and which no browser sent. */
interface PlainRequest {
  readonly bytes: Buffer;
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
}

/** Answers what it can of the requests before fastify does. `newRequestId`: the one that fastify has. */
export function addShortcuts(
  app: App,
  shortcuts: readonly Shortcut[],
  s: ShortcutServices,
  newRequestId: () => string,
): void {
  const handlers = tracingChannel('fastify.request.handler');
  const shortcutFor = (request: IncomingMessage): Shortcut | undefined => {
    if (request.method !== 'POST' || s.stopping.aborted || handlers.hasSubscribers)
      return undefined;
    const shortcut = shortcuts.find(({ path }) => path === request.url);
    return shortcut !== undefined && isPlain(request, shortcut.mostBytes) ? shortcut : undefined;
  };
  const answer = async (
    { path: route, isQuiet, headers, answer: answerTo }: Shortcut,
    raw: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const startedMs = isQuiet ? 0 : s.clock.elapsedMs();
    // The body, which mostly comes with the head, is there once Node has taken both apart.
    await arrived;
    // In one piece; null where not all of it is here.
    const bytes: Buffer | null = raw.read(Number(raw.headers['content-length']));
    let known = bytes === null ? undefined : answerTo({ bytes, raw, response });
    if (known instanceof Promise) known = await known;
    if (known !== undefined) {
      // To its end, with which Node lets go of it: the connection may stay silent for long.
      raw.resume();
      const id = newRequestId();
      send(response, id, headers, known);
      const ms = s.clock.elapsedMs() - startedMs;
      // A client that is gone got none.
      if (!isQuiet && !response.destroyed)
        noteAnswer(s, { id, method: 'POST', route, status: 200, ms });
      return;
    }
    if (bytes !== null) raw.unshift(bytes);
    // A request that is refused for its head alone is read to its end here: Node does so only where nobody has read of it.
    response.once('finish', () => raw.resume());
    app.routing(raw, response);
  };
  app.server.removeAllListeners('request');
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const shortcut = shortcutFor(request);
    if (shortcut === undefined) app.routing(request, response);
    else void answer(shortcut, request, response);
  });
}

const arrived = Promise.resolve();

function isPlain(request: IncomingMessage, mostBytes: number): boolean {
  const { headers } = request;
  const length = Number(headers['content-length'] ?? 0);
  return (
    length > 0 &&
    length <= mostBytes &&
    headers['content-type'] === 'application/json' &&
    headers['content-encoding'] === undefined &&
    headers.expect === undefined &&
    // Browsers send one of these.
    headers.origin === undefined &&
    headers['sec-fetch-site'] === undefined &&
    headers.cookie === undefined &&
    hostFault(request) === undefined
  );
}

function send(
  response: ServerResponse,
  requestId: string,
  headers: readonly string[],
  answer: object,
): void {
  const text = answerText(answer);
  const length = Buffer.byteLength(text);
  response.writeHead(200, [
    ...commonHeaders(requestId, response),
    ...headers,
    'content-type',
    'application/json; charset=utf-8',
    'content-length',
    String(length),
  ]);
  response.end(text, length === text.length ? 'latin1' : 'utf8');
}
