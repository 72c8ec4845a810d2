// A short way for heartbeats: going through fastify costs as much again as everything else that most of them take. A plain
// request that memory can answer is answered here, by the same functions as the others; any other request goes on to fastify
// untouched.
import { tracingChannel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Compile } from 'typebox/compile';
import { HeartbeatRequest, type HeartbeatResponse } from '../../model/api/agent.ts';
import { heartbeatAtOnce, type HeartbeatServices } from '../checkin/heartbeats.ts';
import type { App } from '../services.ts';
import { answerText } from './answers.ts';
import { commonHeaders, hostRule, twoHosts } from './guard.ts';
import { parseJson } from './requests/json.ts';

/** Larger than any heartbeat without news. Units: bytes. */
const mostBytes = 1024;
const check = Compile(HeartbeatRequest);

export interface ShortcutServices extends HeartbeatServices {
  readonly publicUrl: string | undefined;
  readonly stopping: AbortSignal;
}

/** Answers what it can of the requests to `path` before fastify does. `newRequestId`: the one that fastify has. */
export function addShortcut(
  app: App,
  path: string,
  s: ShortcutServices,
  newRequestId: () => string,
): void {
  const refuseNames = hostRule(s.publicUrl);
  const handlers = tracingChannel('fastify.request.handler');
  const isPlain = (request: IncomingMessage): boolean =>
    request.url === path &&
    request.method === 'POST' &&
    !s.stopping.aborted &&
    !handlers.hasSubscribers &&
    hasPlainHeaders(request);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // The body, which mostly comes with the head, is there once Node has taken both apart.
    await arrived;
    const known = answerFromMemory(s, refuseNames, request);
    if (known === undefined) {
      // A request that is refused for its head alone is read to its end here: Node does so only where nobody has read of it.
      response.once('finish', () => request.resume());
      app.routing(request, response);
    } else {
      send(response, newRequestId(), known);
    }
  };
  app.server.removeAllListeners('request');
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isPlain(request)) void answer(request, response);
    else app.routing(request, response);
  });
}

const arrived = Promise.resolve();

function hasPlainHeaders({ headers }: IncomingMessage): boolean {
  const length = Number(headers['content-length'] ?? 0);
  return (
    length > 0 &&
    length <= mostBytes &&
    headers['content-type'] === 'application/json' &&
    headers['content-encoding'] === undefined &&
    headers.expect === undefined &&
    // Browsers send one of these.
    headers.origin === undefined &&
    headers['sec-fetch-site'] === undefined
  );
}

/** undefined: nothing was done, and the body can be read again. */
function answerFromMemory(
  s: ShortcutServices,
  refuseNames: (request: IncomingMessage) => void,
  request: IncomingMessage,
): HeartbeatResponse | undefined {
  const { headers } = request;
  // In one piece; null where not all of it is here.
  const bytes: Buffer | null = request.read(Number(headers['content-length']));
  if (bytes === null) return undefined;
  let answer: HeartbeatResponse | undefined;
  try {
    const body = parseJson(bytes.toString('utf8'), 'mend');
    if (check.Check(body) && twoHosts(request) === undefined) {
      const by = s.auth.admitAtOnce(headers.authorization, 'agent', body.machine_id);
      if (by?.kind === 'anyone') refuseNames(request);
      answer = by && heartbeatAtOnce(s, body, by);
    }
  } catch {
    // fastify refuses it as well, and sends the answer.
  }
  if (answer === undefined) request.unshift(bytes);
  // To its end, with which Node lets go of it: the connection may stay silent for long.
  else request.resume();
  return answer;
}

function send(response: ServerResponse, requestId: string, answer: HeartbeatResponse): void {
  const text = answerText(answer);
  const length = Buffer.byteLength(text);
  response.writeHead(200, [
    ...commonHeaders(requestId, response),
    'content-type',
    'application/json; charset=utf-8',
    'content-length',
    String(length),
  ]);
  response.end(text, length === text.length ? 'latin1' : 'utf8');
}
