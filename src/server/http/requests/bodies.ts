// Request bodies: JSON and YAML in UTF-8. Operators' text is refused where it is not Unicode, agents' mended.
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../../core/errors.ts';
import type { Log } from '../../../core/log.ts';
import type { Held } from '../../running/held.ts';
import type { App } from '../../services.ts';
import { parseJson, parseYaml, type Surrogates } from './json.ts';

const json = ['application/json', 'application/merge-patch+json'];
const yaml = ['application/yaml', 'application/x-yaml', 'text/yaml'];

type Done = (err: Error | null, body?: unknown) => void;
type Parse = (text: string, surrogates: Surrogates) => unknown;

declare module 'fastify' {
  interface FastifyRequest {
    /** The size of the body as it came: one in pieces has no length of its own. */
    bodyBytes: number;
  }
}

/** A shorter body is not counted while it comes. */
const largeBytes = 16 * 1024;

interface BodyServices {
  readonly limits: { readonly bodies: Held };
  readonly log: Log;
}

/** Accepts JSON and YAML, and no other content type. */
export function takeBodies(app: App, s: BodyServices): void {
  app.decorateRequest('bodyBytes', 0);
  app.addHook('preParsing', ({ raw, ip }, reply, payload, done) => {
    const length = raw.headers['content-length'];
    if (raw.headers['transfer-encoding'] !== undefined || Number(length ?? 0) >= largeBytes) {
      hold(s, raw, ip, reply.raw);
    }
    done(null, payload);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(json, { parseAs: 'buffer' }, parser(parseJson));
  app.addContentTypeParser(yaml, { parseAs: 'buffer' }, parser(parseYaml));
}

/** Counts a body until all of it has come, and cuts off those who send theirs too slowly. One that is refused before is
 *  read, and not kept. */
function hold(
  { limits: { bodies }, log }: BodyServices,
  raw: IncomingMessage,
  address: string,
  answer: ServerResponse,
): void {
  const holding = { address, bytes: 0, cut: () => void raw.destroy() };
  bodies.add(holding);
  raw.on('data', (part: Buffer) => {
    holding.bytes += part.length;
    for (const { address: from, bytes } of bodies.grown(holding)) {
      log.warn({ from, bytes }, 'a client that does not finish its request was cut off');
    }
  });
  const end = (): void => {
    bodies.delete(holding);
  };
  raw.once('end', end).once('close', end);
  answer.once('finish', end);
}

function parser(parse: Parse) {
  return (request: FastifyRequest, bytes: Buffer, done: Done): void => {
    request.bodyBytes = bytes.length;
    let body: unknown;
    try {
      body = read(request, bytes, parse);
    } catch (err) {
      done(err instanceof Error ? err : new Error('cannot parse the body', { cause: err }));
      return;
    }
    done(null, body);
  };
}

/** An empty body is none, whatever its type says. Errors: AppError `request.malformed`, `request.unsupported`. */
function read(
  { headers, routeOptions, is404 }: FastifyRequest,
  bytes: Buffer,
  parse: Parse,
): unknown {
  // Whoever is told that a route does not exist need not be known: nothing of theirs is parsed.
  if (bytes.length === 0 || is404) return undefined;
  refuseOtherCharset(headers['content-type'] ?? '');
  refuseCompressed(headers['content-encoding'] ?? 'identity');
  const { access } = routeOptions.config;
  const isAgents = access === 'enrol' || access === 'agent';
  if (isAgents && parse === parseYaml) {
    throw new AppError('request.unsupported', 'an agent sends JSON, not YAML');
  }
  if (!isAgents && !isUtf8(bytes)) {
    throw new AppError('request.malformed', 'the body is not UTF-8');
  }
  return parse(bytes.toString('utf8'), isAgents ? 'mend' : 'refuse');
}

function refuseCompressed(encoding: string): void {
  if (encoding.toLowerCase() === 'identity') return;
  throw new AppError('request.unsupported', 'the body must not be compressed: send it plain');
}

/** JSON is UTF-8 (RFC 8259, section 8.1); a name for a part of it does no harm. */
function refuseOtherCharset(contentType: string): void {
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType) ?? [];
  if (/^(?:utf-?8|us-ascii)$/i.test(charset)) return;
  throw new AppError('request.unsupported', `the body must be UTF-8, not ${charset}`);
}
