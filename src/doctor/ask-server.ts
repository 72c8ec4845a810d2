// Asks a server one question over a connection of its own, without credentials and with any certificate,
// which is examined afterwards.
import type { X509Certificate } from 'node:crypto';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { chainOf } from '../transport/certificates.ts';
import { bare } from '../transport/names.ts';

/** More than a page of machines. */
const maxBodyLength = 4_000_000;

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
  /** Undefined without TLS. */
  tls: { error: string | undefined; chain: readonly X509Certificate[] } | undefined;
}

/** Accepts any certificate: even a bad one should tell what it is, and what time it is at the server. */
export async function ask(url: URL, signal: AbortSignal, zone?: string): Promise<Answer> {
  const isTls = url.protocol === 'https:';
  const request = isTls ? (await import('node:https')).request : requestHttp;
  return await new Promise((resolve, reject) => {
    const options = {
      signal,
      agent: false,
      ...(isTls ? { rejectUnauthorized: false } : {}),
      // The zone is no business of the server's.
      ...(zone === undefined
        ? {}
        : { hostname: `${bare(url.hostname)}%${zone}`, headers: { host: url.host } }),
    };
    // The last event of a request, and the only one after an answer with status 101.
    const onClose = (): void => reject(new Error('the server closed the connection unanswered'));
    const sent = request(url, options, (response) => {
      sent.off('close', onClose);
      const { socket } = response;
      const tls = socket instanceof TLSSocket ? tlsOf(socket) : undefined;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body = (body + chunk).slice(0, maxBodyLength);
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, tls });
      });
    });
    sent.once('close', onClose);
    sent.on('error', reject);
    sent.end();
  });
}

function tlsOf(socket: TLSSocket): Answer['tls'] {
  // The types say Error, but it is the name of the fault, or null.
  const error: unknown = socket.authorizationError;
  const name = error instanceof Error ? codeOf(error) : error;
  return { error: typeof name === 'string' ? name : undefined, chain: chainOf(socket) };
}

/** The error's code; after several attempts for one name, that of the first. */
export function codeOf(err: unknown): string {
  const cause: unknown = err instanceof AggregateError ? err.errors[0] : err;
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (typeof code === 'string' && code !== 'ABORT_ERR') return code;
  return code === 'ABORT_ERR' || !(cause instanceof Error) ? 'timed out' : cause.message;
}
