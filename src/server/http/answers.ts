// Answers to failed requests: `{ error, code, … }`, the status by the code, never a stack trace.
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, describeError, errorCodes, httpStatus, isAppError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import type { Log } from '../../core/log.ts';
import { wellFormed } from '../../core/text/unicode.ts';
import { answerable, failureOf } from '../rules/failures.ts';
import { invalid } from '../rules/violations.ts';
import type { Answered } from './noted.ts';
import { underWay } from './pipelines.ts';

/** fastify's own errors that a client causes, by fastify's code; its other 4xx are malformed requests. */
const codeOfFastify: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported',
};

/** Its other errors by status: those of files. */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  412: 'request.stale',
  416: 'request.range',
};

/** Connections whose request was answered before all of it had arrived. */
const answeredEarly = new WeakSet<Socket>();

/** Answers a request that failed with `err`, and logs what an operator of the server must know. */
export function sendError(
  err: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): FastifyReply {
  const failure = asAppError(err);
  const status = httpStatus(failure.code) ?? 500;
  // Sending agents away under load must not add to the load.
  if (status >= 500 && failure.code !== 'server.busy') {
    logFailure(failure, status, request, log);
  }
  if (status === 401) void reply.header('www-authenticate', challenge(request));
  const wait = failure.details['retry_after_seconds'];
  if (typeof wait === 'number') void reply.header('retry-after', String(Math.ceil(wait)));
  else if (status === 503) void reply.header('retry-after', '2');
  const { allow } = failure.details;
  if (Array.isArray(allow)) void reply.header('allow', allow.join(', '));
  const { headers: { 'Content-Range': range } = {} }: { headers?: Record<string, unknown> } =
    Object(err);
  if (typeof range === 'string') void reply.header('content-range', range);
  if (!request.raw.complete) answeredEarly.add(request.raw.socket);
  const body = { ...failureOf(failure), request_id: request.id };
  return wantsProblem(request.headers.accept)
    ? reply
        .code(status)
        .type('application/problem+json')
        .send(problemOf(failure, status, body))
    : reply.code(status).type('application/json; charset=utf-8').send(body);
}

/** True if the client asks for RFC 9457's form of an error. */
function wantsProblem(accept = ''): boolean {
  const range = accept.split(',').find((one) => /^\s*application\/problem\+json\b/i.test(one));
  return range !== undefined && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(range);
}

/** The same in the form of RFC 9457. */
function problemOf(failure: AppError, status: number, { error, ...more }: Record<string, unknown>) {
  return {
    ...more,
    type: `urn:dragonfly:problem:${failure.code}`,
    title: errorCodes[failure.code],
    status,
    detail: error,
  };
}

/** The text of an answer. What an earlier version stored may have texts that strict readers refuse. */
export function answerText(body: unknown): string {
  const text = stringifyExact(body);
  // Almost none has one, which is far quicker to see than to read.
  if (!text.includes('\\ud')) return text;
  return /(?:^|[^\\])(?:\\\\)*\\ud[89a-f]/.test(text) ? stringifyExact(wellFormed(body)) : text;
}

function logFailure(failure: AppError, status: number, request: FastifyRequest, log: Log): void {
  const fields = {
    method: request.method,
    route: request.routeOptions.url,
    request_id: request.id,
  };
  if (failure.code === 'internal.bug') {
    log.error({ ...fields, err: failure.cause ?? failure }, 'request failed: a bug');
  } else if (status === 500) {
    log.error({ ...fields, error: describeError(failure) }, 'request failed: damaged data');
  } else {
    log.warn(
      { ...fields, error: describeError(failure) },
      'request failed: the store is unavailable or full',
    );
  }
}

/** Makes a browser ask its user for a token, and tells a script the scheme. */
function challenge(request: FastifyRequest): string {
  const isPage = (request.headers.accept ?? '').includes('text/html');
  return isPage
    ? 'Basic realm="dragonfly-server: any user name, a token as the password"'
    : 'Bearer';
}

/** Answers a request that is not HTTP or comes too slowly, and ends the connection. What came before it is answered first: a
 *  refusal in its place would say of what was done that it was not. `note`: told of each answer. */
export function clientErrorAnswerer(
  newRequestId: () => string,
  note: (answered: Answered) => void,
): (err: NodeJS.ErrnoException, socket: Socket) => void {
  return (err, socket) => {
    // An answer would wait for the handshake that did not end, and keep the connection for ever.
    const isMute = ['ECONNRESET', 'ERR_TLS_HANDSHAKE_TIMEOUT'].includes(err.code ?? '');
    const { answer, id = newRequestId() } = underWay(socket) ?? {};
    const isWhole = answer?.req.complete === true;
    const isBegun = answeredEarly.has(socket) || answer?.headersSent === true;
    if (isMute || !socket.writable || (isBegun && !isWhole)) {
      socket.destroy();
      return;
    }
    if (isWhole) {
      endAfter(answer, socket);
      return;
    }
    const { req: request } = answer ?? {};
    const status = refuse(err, socket, id, request?.headers.accept);
    note({ id, method: request?.method ?? 'none', route: 'none', status, ms: 0 });
  };
}

/** Writes the answer to a request that Node's parser refused, and returns its status. */
function refuse(
  err: NodeJS.ErrnoException,
  socket: Socket,
  id: string,
  accept: string | undefined,
): number {
  const [status, code, why] =
    err.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ([408, 'request.malformed', 'the request did not arrive in time'] as const)
      : err.code === 'HPE_HEADER_OVERFLOW'
        ? ([431, 'request.too-large', 'the headers are too large'] as const)
        : ([400, 'request.malformed', 'this is not an HTTP request'] as const);
  const failure = new AppError(code, why);
  const plain = { ...failureOf(failure), request_id: id };
  const isProblem = wantsProblem(accept);
  const body = JSON.stringify(isProblem ? problemOf(failure, status, plain) : plain);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    `content-type: application/${isProblem ? 'problem+json' : 'json; charset=utf-8'}`,
    `x-request-id: ${id}`,
    'x-content-type-options: nosniff',
    `content-length: ${body.length}`,
  ];
  // The answer to HEAD ends with its head. Empty lines may come before it.
  const isHead = /^(?:\r?\n)*HEAD /.test(String(Object(err).rawPacket ?? ''));
  socket.end(`${lines.join('\r\n')}\r\n\r\n${isHead ? '' : body}`);
  return status;
}

/** Connections that end with the answer that is under way. */
const ending = new WeakSet<Socket>();

function endAfter(answer: ServerResponse, socket: Socket): void {
  // Each piece that comes is an error again.
  if (ending.has(socket)) return;
  ending.add(socket);
  answer.once('close', () => {
    socket.destroySoon();
  });
}

function asAppError(err: unknown): AppError {
  if (isAppError(err)) return answerable(err);
  // Not an AppError: fastify's, which carries `code` and `validation`, or a bug, which has neither.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { validation, validationContext, code, message, statusCode } = err as Partial<FastifyError>;
  if (validation !== undefined) return invalid(validationContext ?? 'body', validation);
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return answerable(err);
  const ours = codeOfFastify[code ?? ''] ?? codeOfStatus[statusCode] ?? 'request.malformed';
  return new AppError(ours, (message ?? '').replaceAll(/\s+/g, ' '));
}
