// An answer on its way out: not sent at all where its reader has it already (If-None-Match), else compressed as its
// reader accepts it.
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { isOneOf } from '../rules/etag.ts';

/** Shorter answers fit into one packet anyway. Units: bytes. */
const worthCompressing = 1400;

type Compress = (text: string) => Promise<Buffer>;
const brotli = promisify<string, zlib.BrotliOptions, Buffer>(zlib.brotliCompress);
const gzip = promisify<string, zlib.ZlibOptions, Buffer>(zlib.gzip);
const zstd = promisify<string, Buffer>(zlib.zstdCompress);

/** By preference where the reader has none: as small as makes no wait. */
const codings = new Map<string, Compress>([
  ['zstd', (text) => zstd(text)],
  ['br', (text) => brotli(text, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } })],
  ['gzip', (text) => gzip(text, { level: 5 })],
]);

/** Adds this to a route that is read: nothing else is answered so. */
export function represent(route: RouteOptions): void {
  if (![route.method].flat().includes('GET')) return;
  route.onSend = [route.onSend ?? [], onSend].flat();
}

async function onSend(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (typeof payload !== 'string' || reply.statusCode !== 200 || request.method !== 'GET') {
    return payload;
  }
  const etag = reply.getHeader('etag');
  const known = request.headers['if-none-match'];
  if (typeof etag === 'string' && known !== undefined && isOneOf(known, etag)) {
    void reply.code(304).removeHeader('content-type').removeHeader('content-length');
    return null;
  }
  return compressed(request, reply, payload);
}

async function compressed(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  text: string,
): Promise<string | Buffer> {
  if (text.length < worthCompressing || reply.hasHeader('content-encoding')) return text;
  void reply.header('vary', 'accept-encoding');
  const [name, compress] = chosen(headers['accept-encoding'] ?? '') ?? [];
  if (name === undefined || compress === undefined) return text;
  void reply.header('content-encoding', name).removeHeader('content-length');
  return compress(text);
}

/** The coding that the reader likes best. Source: RFC 9110, section 12.5.3. */
function chosen(accepted: string): [string, Compress] | undefined {
  const weights = new Map(accepted.split(',').map(weightOf));
  let best: [string, Compress] | undefined;
  let bestWeight = 0;
  for (const coding of codings) {
    const weight = weights.get(coding[0]) ?? weights.get('*') ?? 0;
    if (weight > bestWeight) [best, bestWeight] = [coding, weight];
  }
  return best;
}

function weightOf(text: string): [string, number] {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = Number(q?.slice(2) ?? 1);
  return [name, Number.isNaN(weight) ? 0 : weight];
}
