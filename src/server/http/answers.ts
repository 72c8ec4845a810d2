// Answers to failed requests: `{ error, code, … }`, the status by the code, never a stack trace.
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import {
  AppError,
  describeError,
  httpStatus,
  isAppError,
  type ErrorCode,
} from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { invalid } from '../rules/violations.ts';

/** fastify's own errors that a client causes, by fastify's code; its other 4xx are malformed requests. */
const codeOfFastify: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported',
};

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
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send({ ...bodyOf(failure, status), request_id: request.id });
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

/** A bug tells the client nothing of itself. The causes of damage may quote what is stored. */
function bodyOf(failure: AppError, status: number): Record<string, unknown> {
  const { code, details } = failure;
  if (code === 'internal.bug') return { error: 'the server failed; its log has the details', code };
  if (status === 500) {
    return { error: `${failure.message}; the log of the server has the details`, code };
  }
  return { error: describeError(failure), code, ...details };
}

/** Makes a browser ask its user for a token, and tells a script the scheme. */
function challenge(request: FastifyRequest): string {
  const isPage = (request.headers.accept ?? '').includes('text/html');
  return isPage
    ? 'Basic realm="dragonfly-server: any user name, a token as the password"'
    : 'Bearer';
}

/** Answers a request that is not HTTP or comes too slowly, and ends the connection. */
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
  if (isAppError(err)) {
    // A code that no route answers got here by a bug.
    return httpStatus(err.code) === null ? bug(err) : err;
  }
  // Not an AppError: fastify's, which carries `code` and `validation`, or a bug, which has neither.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { validation, validationContext, code, message, statusCode } = err as Partial<FastifyError>;
  if (validation !== undefined) return invalid(validationContext ?? 'body', validation);
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return bug(err);
  const ours = codeOfFastify[code ?? ''] ?? 'request.malformed';
  return new AppError(ours, (message ?? '').replaceAll(/\s+/g, ' '));
}

function bug(cause: unknown): AppError {
  return new AppError('internal.bug', 'a bug', { cause });
}
