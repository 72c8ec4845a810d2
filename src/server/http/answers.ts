// What a failed request is answered: `{ error, code, … }`, its status by its code, no stack traces.
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, describeError, isAppError, type ErrorCode } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { invalid } from '../rules/violations.ts';

/** The status of each code that a route may answer; any other is a bug of ours: 500. */
const statusOf: Partial<Record<ErrorCode, number>> = {
  'request.malformed': 400,
  'config.invalid': 422,
  'auth.required': 401,
  'auth.denied': 403,
  'route.unknown': 404,
  'machine.unknown': 404,
  'template.unknown': 404,
  'workflow.unknown': 404,
  'setting.unknown': 404,
  'token.unknown': 404,
  'conflict.unknown': 404,
  'boot.no-image': 404,
  'conflict.decided': 409,
  'identity.in-use': 409,
  'machine.has-os': 409,
  'machine.wrong-state': 409,
  'workflow.active': 409,
  'workflow.finished': 409,
  'token.exists': 409,
  'secret.no-key': 409,
  'store.conflict': 409,
  'request.stale': 412,
  'request.too-large': 413,
  'request.unsupported': 415,
  'request.invalid': 422,
  'identity.mismatch': 422,
  'identity.no-mac': 422,
  'server.busy': 503,
  'store.unavailable': 503,
  'store.full': 507,
};

/** fastify's own errors that a client causes, by fastify's code; others of its 4xx: malformed. */
const codeOfFastify: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported',
};

/** What a request is answered that failed with `err`. */
export function sendError(
  err: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): FastifyReply {
  const failure = asAppError(err);
  const status = statusOf[failure.code] ?? 500;
  // Sending agents away under load must not add to the load.
  if (status >= 500 && failure.code !== 'server.busy') {
    const fields = {
      method: request.method,
      route: request.routeOptions.url,
      request_id: request.id,
    };
    if (status === 500) log.error({ ...fields, err }, 'request failed: a bug');
    else log.warn({ ...fields, error: describeError(failure) }, 'request failed: the store cannot');
  }
  const body =
    status === 500
      ? { error: `the server failed; its log has the details`, code: 'internal.bug' }
      : { error: describeError(failure), code: failure.code, ...failure.details };
  if (status === 401) void reply.header('www-authenticate', challenge(request));
  const wait = failure.details['retry_after_seconds'];
  if (typeof wait === 'number') void reply.header('retry-after', String(Math.ceil(wait)));
  else if (status === 503) void reply.header('retry-after', '2');
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send({ ...body, request_id: request.id });
}

/** A browser that opens a page asks the person for a token; a script is told the scheme. */
function challenge(request: FastifyRequest): string {
  const isPage = (request.headers.accept ?? '').includes('text/html');
  return isPage
    ? 'Basic realm="dragonfly-server: any user name, a token as the password"'
    : 'Bearer';
}

/** Answers what is not even HTTP, or comes too slowly, and ends the connection. */
export function answerClientError(err: NodeJS.ErrnoException, socket: Socket): void {
  if (err.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, error] =
    err.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['408 Request Timeout', 'request.malformed', 'the request did not arrive in time']
      : err.code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'request.too-large', 'the headers are too large']
        : ['400 Bad Request', 'request.malformed', 'this is not an HTTP request'];
  const body = JSON.stringify({ error, code });
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function asAppError(err: unknown): AppError {
  if (isAppError(err)) return err;
  // Not an AppError: fastify's, which carries `code` and `validation`, or a bug, which has neither.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { validation, validationContext, code, message, statusCode } = err as Partial<FastifyError>;
  if (validation !== undefined) return invalid(validationContext ?? 'body', validation);
  const isClients = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  const ours = codeOfFastify[code ?? ''] ?? (isClients ? 'request.malformed' : 'internal.bug');
  return new AppError(ours, (message ?? '').replaceAll(/\s+/g, ' '), {
    cause: isClients ? undefined : err,
  });
}
